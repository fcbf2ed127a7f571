module peer/framework

go 1.26.0

require (
	github.com/hashicorp/terraform-plugin-framework v1.19.0
)
