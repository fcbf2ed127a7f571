provider "dram" {
  catalog = var.catalog

  dynamic "engine" {
    for_each = var.engine == null ? [] : [var.engine]

    content {
      exec = engine.value
    }
  }
}

resource "dram_recovery_site" "branch" {
  name           = "branch"
  failure_domain = "branch"
  bandwidth      = "20Mi/s"

  host {}
}

resource "dram_recovery_site" "cloud" {
  name           = "cloud"
  failure_domain = "cloud"
  bandwidth      = "3Gi/s"

  openstack {
    cloud   = "west"
    region  = "west-1"
    project = "shops"
  }

  fencing {
    command {
      run = ["cut", "cloud"]
    }
  }
}

resource "dram_recovery_site" "cluster" {
  name = "cluster"
  labels = {
    floor = "3"
    tier  = "gold"
  }
  annotations = {
    owner = "platform"
  }
  failure_domain = "cluster"
  bandwidth      = "1Gi/s"

  kubernetes {
    context = "admin@cluster"

    kubeconfig {
      kubernetes {
        namespace = "dram"
        name      = "cluster"
        key       = "kubeconfig"
      }
    }
  }

  fencing {
    guard {
      ttl = "40s"
    }
  }
}

resource "dram_recovery_site" "field" {
  name           = "field"
  failure_domain = "field"
  bandwidth      = "100Mi/s"

  driver {
    name = "balloon"
    options = {
      height = 300
      tether = "true"
    }
  }

  fencing {
    manual {}
  }
}

resource "dram_recovery_site" "harbour" {
  name           = "harbour"
  failure_domain = "harbour"
  bandwidth      = "2Gi/s"

  kubernetes {}

  fencing {
    network {
      command {
        shell = "cut harbour"
      }
    }
  }
}

resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  region         = "eu-west"
  engine         = "desk"
  bandwidth      = "50Mi/s"

  host {
    address = "ssh://dram@office.example:2222"
    root    = "/office"

    identity {
      file = "/etc/dram/id"
    }
  }

  capacity {
    cpu     = 64
    memory  = "512Gi"
    storage = "9Ti"
  }

  fencing {
    power {
      command {
        run     = ["power", "off", "office"]
        timeout = "90s"
      }
    }
  }
}

resource "dram_vault" "attic" {
  name           = "attic"
  failure_domain = "attic"

  swift {
    cloud     = "attic"
    container = "dram"
    prefix    = "shops"
  }

  password {
    file = "/etc/dram/key"
  }
}

resource "dram_vault" "deep" {
  name           = "deep"
  failure_domain = "deep"
  capacity       = "2Ti"
  warn_at        = "90%"

  s3 {
    bucket     = "dram-deep"
    prefix     = "shops/2026"
    region     = "eu-central-1"
    endpoint   = "https://objects.example"
    path_style = false

    credentials {
      shared_profile = "dram-writer"
    }

    prune_credentials {
      keys {
        access_key {
          env = "PRUNE_ACCESS_KEY"
        }

        secret_key {
          file = "/etc/dram/prune.key"
        }
      }
    }
  }

  password {
    file = "/etc/dram/key"
  }

  lock {
    mode   = "governance"
    period = "10d"
  }
}

resource "dram_vault" "nas" {
  name           = "nas"
  failure_domain = "nas"

  directory {
    path = "/mnt/nas/dram"
  }

  password {
    file = "/etc/dram/key"
  }
}

resource "dram_vault" "shelf" {
  name           = "shelf"
  failure_domain = "shelf"
  adopt          = "shop"

  directory {
    path = "/mnt/shelf"
  }

  password {
    env = "SHELF_PASSWORD"
  }
}

resource "dram_protection_policy" "golden" {
  name = "golden"

  objectives {
    rpo = "40m"
    rto = "4h"
  }

  applies_to {
    labels = {
      tier = "gold"
    }
  }

  method {
    match {
      component = "queue"
      labels = {
        tier = "gold"
      }
      storage_class = "slow"
      kind          = "claim"
    }

    files {}
  }

  method {
    match {
      component = "queue"
    }

    csi_snapshot {
      class    = "fast"
      tracking = "diff"
    }
  }

  method {
    match {
      component = "search"
    }

    volsync {
      repository = "search-restic"
    }
  }

  method {
    match {
      component = "index"
    }

    velero {
      location  = "second"
      move_data = true
    }
  }

  method {
    match {
      component = "journal"
    }

    dump {}
  }

  method {
    match {
      kind = "server"
    }

    image {
      tracking = "hash"
    }
  }

  method {
    match {
      kind = "volume"
    }

    cinder_backup {
      incremental = false
    }
  }

  method {
    match {
      kind = "claim"
    }

    definition {}
  }

  vault {
    name = dram_vault.nas.name
  }

  transfer {
    window {
      from = "01:00"
      to   = "00:50"
    }
  }

  verify {
    level = "boot"
    every = "5d"
  }

  alerts {
    rpo_at  = "70%"
    silence = "2h"

    notify {
      webhook {
        url = "https://desk.example/alerts"

        secret {
          env = "ALERT_SECRET"
        }
      }
    }

    notify {
      email {
        to     = ["ops@desk.example"]
        from   = "dram@desk.example"
        server = "mail.example:25"
      }
    }

    notify {
      command {
        run = ["page", "ops"]
      }
    }
  }
}

resource "dram_protection_policy" "hourly" {
  name        = "hourly"
  consistency = "group"

  objectives {
    rpo        = "75m"
    rto        = "2h"
    max_freeze = "20s"
  }

  schedule {
    every = "1h"
  }

  retention {
    last          = 24
    hourly        = 48
    daily         = 14
    weekly        = 8
    monthly       = 12
    yearly        = 3
    within        = "2d"
    keep_verified = 2
  }

  vault {
    name = dram_vault.nas.name
  }

  vault {
    name  = dram_vault.deep.name
    delay = "6h"

    retention {
      daily = 30
    }
  }

  vault {
    name = dram_vault.attic.name
  }

  transfer {
    parallel  = 8
    bandwidth = "40Mi/s"
  }

  verify {
    level = "restore"
    every = "1w"
  }
}

resource "dram_protection_policy" "nightly" {
  name = "nightly"

  objectives {
    rpo = "4d"
  }

  schedule {
    cron     = "15 3 * * MON-SAT"
    timezone = "America/New_York"
    jitter   = "10m"
    missed   = "skip"

    window {
      from = "22:00"
      to   = "06:00"
    }
  }

  vault {
    name = dram_vault.nas.name
  }

  verify {
    every  = "2d"
    sample = "20%"
  }

  anomaly {
    change_rate = "40Gi/d"
    action      = "hold"
  }
}

resource "dram_application" "charts" {
  name = "charts"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.harbour.name
  policy = dram_protection_policy.golden.name

  component {
    name = "chart"

    kubernetes {
      namespace = "charts"
    }

    data {
      size        = "1Gi"
      change_rate = "1Gi/d"
    }
  }
}

resource "dram_application" "diary" {
  name   = "diary"
  site   = dram_recovery_site.harbour.name
  policy = dram_protection_policy.hourly.name

  component {
    name = "book"

    kubernetes {
      namespace = "diary"
    }

    data {
      size        = "3Gi"
      change_rate = "30Gi/d"
    }
  }
}

resource "dram_application" "journals" {
  name = "journals"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.branch.name
  policy = dram_protection_policy.golden.name

  component {
    name = "journal"

    host {
      dump {
        command {
          run = ["dump"]
        }

        restore {
          run = ["load"]
        }
      }
    }

    data {
      size        = "1Gi"
      change_rate = "1Gi/d"
    }
  }
}

resource "dram_application" "ledger" {
  name = "ledger"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.cloud.name
  policy = dram_protection_policy.golden.name

  component {
    name = "books"

    openstack {
      server {
        name = "books"
      }

      volume {
        id = "5d4e"
      }

      volume {
        tag = "books"
      }

      network {
        name = "inner"
      }

      subnet {
        name = "inner-4"
      }

      router {
        name = "edge"
      }

      port {
        id = "77aa"
      }

      security_group {
        name = "web"
      }

      key_pair {
        name = "ops"
      }

      floating_address {
        tag = "books"
      }

      exclude {
        volume {
          name = "scratch"
        }

        port {
          id = "99bb"
        }
      }
    }

    data {
      size        = "30Gi"
      change_rate = "1Gi/d"
    }
  }

  definition {
    heat = ["ledger.yaml"]
  }
}

resource "dram_application" "machines" {
  name = "machines"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.cloud.name
  policy = dram_protection_policy.golden.name

  component {
    name = "machine"

    openstack {
      server {
        name = "one"
      }
    }

    data {
      size        = "1Gi"
      change_rate = "1Gi/d"
    }
  }
}

resource "dram_application" "parcels" {
  name = "parcels"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.cluster.name
  policy = dram_protection_policy.golden.name

  component {
    name     = "queue"
    critical = false
    images   = "capture"

    kubernetes {
      namespace = "parcels"
      claims    = "snapshot"

      selector {
        labels = {
          app = "queue"
        }
      }

      resources {
        include = ["statefulsets.apps"]
        exclude = ["secrets"]
      }
    }

    data {
      size        = "2Gi"
      change_rate = "3Gi/d"
    }

    health {
      ready {}
    }

    health {
      tcp {
        address = "queue.parcels:5672"
      }
    }
  }

  component {
    name         = "search"
    multi_writer = "external"

    kubernetes {
      namespace = "parcels"
      claims    = "snapshot"
    }

    data {
      size        = "5Gi"
      change_rate = "1Gi/d"
    }
  }

  component {
    name = "index"

    kubernetes {
      namespace = "parcels-index"
    }

    data {
      size        = "6Gi"
      change_rate = "2Gi/d"
    }
  }

  component {
    name    = "cache"
    protect = "exclude"

    kubernetes {
      namespace = "parcels"
    }
  }

  hook {
    at        = "before-freeze"
    component = "queue"
    shell     = "queuectl rest"
    container = "queue"
    pod       = "all"
  }

  hook {
    at        = "after-thaw"
    component = "queue"
    shell     = "queuectl go"
    pod       = "first-ready"
  }

  hook {
    at        = "before-traffic"
    component = "search"

    scale {
      workload = "deployment/search"
      replicas = 3
    }
  }

  definition {
    manifests = ["parcels.yaml"]
  }
}

resource "dram_application" "shop" {
  name = "shop"
  labels = {
    sells = "bread"
  }
  site   = dram_recovery_site.office.name
  policy = dram_protection_policy.hourly.name

  component {
    name = "db"

    host {
      paths   = ["/opt/shop"]
      exclude = ["__pycache__/"]

      dump {
        command {
          run     = ["python3", "opt/shop/shop.py", "dump"]
          dir     = "/opt"
          timeout = "10m"
        }

        restore {
          shell   = "python3 opt/shop/shop.py load\necho \"loaded\"\n"
          timeout = "20m"
        }
      }
    }

    data {
      size        = "1Gi"
      change_rate = "200Mi/d"
    }
  }

  component {
    name  = "web"
    after = ["db"]

    host {
      paths  = ["/srv/shop"]
      device = "/dev/shop/uploads"

      service {
        start {
          run = ["shop", "start"]
        }

        stop {
          shell = "shop stop"
        }
      }
    }

    data {
      size        = "4Gi"
      change_rate = "500Mi/d"
    }

    health {
      timeout      = "30s"
      start_period = "2m"

      http {
        url    = "http://127.0.0.1:8080/up"
        status = 204
        body   = "\"site\": \"$${DRAM_SITE}\""
      }
    }

    health {
      exec {
        shell   = "shop status"
        dir     = "/srv/shop"
        timeout = "5s"
      }
    }
  }

  component {
    name = "mail"

    host {
      paths   = ["/srv/mail", "/srv/lists", "/etc/2026"]
      exclude = ["*.lock"]
      device  = "/dev/mail/2026"

      dump {
        command {
          run = ["mailctl", "--home=/srv/mail"]
          dir = "/srv/mail"
        }

        restore {
          shell   = "mailctl --home='/srv/mail' --greeting='2026' load"
          timeout = "10m"
        }
      }

      service {
        start {
          shell = "mailctl start"
        }

        stop {
          run = ["mailctl", "stop"]
        }
      }
    }

    data {
      size        = "2Gi"
      change_rate = "40Mi/d"
    }

    health {
      timeout      = "7s"
      start_period = "3m"

      http {
        url  = "http://127.0.0.1:8025/up"
        body = "$${DRAM_SITE}"
      }
    }

    health {
      exec {
        run = ["mailctl", "up"]
      }
    }
  }

  consistency_group {
    name    = "all"
    members = ["db", "web"]
  }

  hook {
    at        = "before-freeze"
    on        = "component"
    component = "web"
    run       = ["shop", "rest"]
    dir       = "/srv/shop"
    timeout   = "10s"
    on_error  = "fail"
  }

  hook {
    at    = "after-thaw"
    on    = "site"
    shell = "shop go"
  }

  hook {
    at        = "after-start"
    on        = "engine"
    component = "web"
    on_error  = "continue"

    http {
      url    = "https://desk.example/up"
      method = "put"
      body   = "$${DRAM_COMPONENT}"
      status = 202
    }
  }

  hook {
    at = "before-restore"

    wait {
      timeout      = "4s"
      start_period = "3m"

      exec {
        run = ["shop", "is", "free"]
      }
    }
  }
}

resource "dram_application" "twins" {
  name = "twins"
  labels = {
    sort = "twin"
    tier = "gold"
  }
  site   = dram_recovery_site.cluster.name
  policy = dram_protection_policy.golden.name

  component {
    name = "all"

    kubernetes {
      namespace = "twins"
    }

    data {
      size        = "3Gi"
      change_rate = "30Gi/d"
    }
  }

  definition {
    oam = ["twins.yaml", "twins-data.yaml"]
  }
}

resource "dram_replication_pair" "clusters" {
  name         = "clusters"
  sites        = [dram_recovery_site.cluster.name, dram_recovery_site.harbour.name]
  mode         = "async"
  interval     = "5m"
  via          = "vault"
  initial_sync = "seed"
  state        = "running"
  bandwidth    = "100Mi/s"

  applications {
    names = [dram_application.twins.name]
  }
}

resource "dram_replication_pair" "diaries" {
  name  = "diaries"
  sites = [dram_recovery_site.harbour.name, dram_recovery_site.cluster.name]
  via   = "block"

  applications {
    names = [dram_application.diary.name]
  }

  journal {
    window      = "6h"
    checkpoint  = "1h"
    capacity    = "50Gi"
    on_overflow = "resync"
  }
}

resource "dram_recovery_plan" "journals" {
  name = "journals"

  applications {
    names = [dram_application.journals.name]
  }

  target {
    site = dram_recovery_site.office.name
  }

  traffic {
    http {
      url    = "https://desk.example/switch"
      method = "put"
      status = 204
    }
  }
}

resource "dram_recovery_plan" "ledger" {
  name = "ledger"

  applications {
    names = [dram_application.ledger.name]
  }

  target {
    site = dram_recovery_site.field.name
  }

  mappings {
    network {
      values = {
        inner = "inner-dr"
      }
    }

    subnet {
      values = {
        inner-4 = "inner-dr-4"
      }
    }

    flavor {
      values = {
        "m1.small" = "m2.small"
      }
    }

    cidr {
      values = {
        "10.1.0.0/16" = "10.2.0.0/16"
      }
    }
  }

  traffic {
    command {
      run = ["switch", "ledger"]
    }
  }

  drill {
    into {
      network = "drill-net"
    }
  }
}

resource "dram_recovery_plan" "parcels" {
  name     = "parcels"
  strategy = "warm-standby"

  applications {
    names = [dram_application.parcels.name, dram_application.twins.name]
  }

  target {
    site     = dram_recovery_site.harbour.name
    priority = 2
  }

  target {
    site     = dram_recovery_site.field.name
    priority = 1
  }

  mappings {
    namespace {
      values = {
        parcels       = "parcels-dr"
        parcels-index = "parcels-index"
        twins         = "twins"
      }
      on_missing = "fail"
    }

    storage_class {
      values = {
        fast = "slow"
      }
    }

    image {
      values = {
        old = "new"
      }
    }

    zone {
      values = {
        a = "b"
      }
    }

    registry {
      values = {
        "a.example/shop" = "b.example/shop"
      }
    }

    dns {
      values = {
        "a.example" = "b.example"
      }
    }
  }

  wave {
    members = ["parcels/queue"]
  }

  wave {
    members = ["parcels/search", "twins"]
  }

  traffic {
    ttl = "2m"

    dns {
      rfc2136 {
        server   = "ns.example:53"
        zone     = "example"
        key_name = "dram"

        key {
          env = "TSIG_KEY"
        }
      }

      record {
        name = "parcels.example"
        type = "cname"
        values = {
          cluster = "a.example"
          harbour = "b.example"
          field   = "c.example"
        }
      }
    }
  }

  drill {
    every = "3w"
    keep  = 5
    start = ["parcels/queue", "twins"]

    into {
      namespace = "parcels-drill"
    }

    check {
      timeout = "9s"

      http {
        url = "https://parcels-drill.example/up"
      }
    }
  }

  failback {
    mode = "full"
    when = "offered"
  }

  automation {
    mode      = "automatic"
    hold_down = "3m"

    detect {
      every    = "20s"
      failures = 4
    }

    limits {
      max_lag     = "50m"
      max_per_day = 2
      cooldown    = "5h"

      window {
        from = "08:00"
        to   = "20:00"
      }
    }
  }

  approvals {
    failover = 2
    failback = 1
    commit   = 1
  }
}

resource "dram_recovery_plan" "shop" {
  name = "shop"

  applications {
    names = [dram_application.shop.name]
  }

  target {
    site = dram_recovery_site.branch.name
  }

  mappings {
    path {
      values = {
        "/srv/shop"  = "/srv/branch/shop"
        "/opt"       = "/opt"
        "/srv/mail"  = "/srv/mail"
        "/srv/lists" = "/srv/lists"
        "/etc"       = "/etc"
      }
      on_missing = "fail"
    }
  }

  traffic {
    dns {
      route53 {
        zone_id = "Z123"
      }

      record {
        name = "shop.example"
        values = {
          office = "192.0.2.1"
          branch = "192.0.2.2"
        }
      }
    }
  }

  drill {
    into {
      root = "/srv/drill"
    }
  }
}
