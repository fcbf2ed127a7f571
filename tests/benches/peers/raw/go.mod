module peer/raw

go 1.26.0

require (
	github.com/hashicorp/terraform-plugin-go v0.31.0
)
