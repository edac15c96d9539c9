// SPDX-License-Identifier: ISC
// Copyright The certgate authors

// Reads a Terraform file with HashiCorp's parser and prints what its resources
// say, one attribute on a line: TYPE.NAME.BLOCK.ATTRIBUTE = VALUE.  Variables
// have their defaults, else their name; other references are in brackets.
package main

import (
	"fmt"
	"os"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func fail(diagnostics hcl.Diagnostics) {
	if diagnostics.HasErrors() {
		fmt.Fprintln(os.Stderr, diagnostics.Error())
		os.Exit(1)
	}
}

func defaults(body *hclsyntax.Body) cty.Value {
	found := map[string]cty.Value{}
	for _, block := range body.Blocks {
		if block.Type != "variable" {
			continue
		}
		found[block.Labels[0]] = cty.StringVal(block.Labels[0])
		if standard, ok := block.Body.Attributes["default"]; ok {
			value, diagnostics := standard.Expr.Value(nil)
			fail(diagnostics)
			found[block.Labels[0]] = value
		}
	}
	return cty.ObjectVal(found)
}

func show(prefix string, body *hclsyntax.Body, context *hcl.EvalContext) {
	names := []string{}
	for name := range body.Attributes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		value, diagnostics := body.Attributes[name].Expr.Value(context)
		fail(diagnostics)
		text, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s.%s = %s\n", prefix, name, text)
	}
	for _, block := range body.Blocks {
		show(prefix+"."+block.Type, block.Body, context)
	}
}

func main() {
	file, diagnostics := hclparse.NewParser().ParseHCLFile(os.Args[1])
	fail(diagnostics)
	body := file.Body.(*hclsyntax.Body)
	context := &hcl.EvalContext{Variables: map[string]cty.Value{
		"var": defaults(body),
		"azurerm_web_pubsub": cty.ObjectVal(map[string]cty.Value{
			"service": cty.ObjectVal(map[string]cty.Value{
				"id": cty.StringVal("[id]"),
			}),
		}),
	}}
	for _, block := range body.Blocks {
		if block.Type == "resource" {
			show(block.Labels[0]+"."+block.Labels[1], block.Body, context)
		}
	}
}
