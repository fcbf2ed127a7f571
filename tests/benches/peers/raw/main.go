// The lowest that the official Go libraries go: one resource's schema over the protocol's own types.
// Everything that a bench does not ask for is left to the embedded interface, which would panic.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type server struct{ tfprotov5.ProviderServer }

func (server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	resource := &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{Attributes: []*tfprotov5.SchemaAttribute{
		{Name: "id", Type: tftypes.String, Computed: true},
		{Name: "values", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true},
	}}}
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:        &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{}},
		ResourceSchemas: map[string]*tfprotov5.Schema{"peer_thing": resource},
	}, nil
}

func (server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func main() {
	if err := tf5server.Serve("dram-dev/peer", func() tfprotov5.ProviderServer { return server{} }); err != nil {
		log.Fatal(err)
	}
}
