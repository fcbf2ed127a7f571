// What somebody who writes a small provider in Go would write: one resource with a computed id and an optional map.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type peer struct{}

func (peer) Metadata(_ context.Context, _ provider.MetadataRequest, answer *provider.MetadataResponse) {
	answer.TypeName = "peer"
}
func (peer) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse)          {}
func (peer) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}
func (peer) DataSources(context.Context) []func() datasource.DataSource                        { return nil }
func (peer) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return thing{} }}
}

type thing struct{}

type thingModel struct {
	ID     types.String `tfsdk:"id"`
	Values types.Map    `tfsdk:"values"`
}

func (thing) Metadata(_ context.Context, request resource.MetadataRequest, answer *resource.MetadataResponse) {
	answer.TypeName = request.ProviderTypeName + "_thing"
}

func (thing) Schema(_ context.Context, _ resource.SchemaRequest, answer *resource.SchemaResponse) {
	answer.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":     schema.StringAttribute{Computed: true},
		"values": schema.MapAttribute{ElementType: types.StringType, Optional: true},
	}}
}

func (thing) Create(ctx context.Context, request resource.CreateRequest, answer *resource.CreateResponse) {
	var model thingModel
	answer.Diagnostics.Append(request.Plan.Get(ctx, &model)...)
	model.ID = types.StringValue("thing")
	answer.Diagnostics.Append(answer.State.Set(ctx, model)...)
}

func (thing) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (thing) Update(ctx context.Context, request resource.UpdateRequest, answer *resource.UpdateResponse) {
	var model thingModel
	answer.Diagnostics.Append(request.Plan.Get(ctx, &model)...)
	model.ID = types.StringValue("thing")
	answer.Diagnostics.Append(answer.State.Set(ctx, model)...)
}

func (thing) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func main() {
	options := providerserver.ServeOpts{Address: "localhost/dram-dev/peer", ProtocolVersion: 5}
	err := providerserver.Serve(context.Background(), func() provider.Provider { return peer{} }, options)
	if err != nil {
		log.Fatal(err)
	}
}
