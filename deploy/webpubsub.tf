# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# The same as webpubsub.bicep for Terraform and OpenTofu: a Web PubSub resource
# that requests client certificates, and a hub whose events go to certgate.

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 3.0"
    }
  }
}

variable "name" {
  description = "Name of the resource; it is served as NAME.webpubsub.azure.com."
  type        = string
}

variable "resource_group_name" {
  description = "Name of an existing resource group."
  type        = string
}

variable "location" {
  description = "Region of the resource."
  type        = string
}

variable "sku" {
  description = "Tier of the resource, Standard_S1 or Premium_P1."
  type        = string
  default     = "Standard_S1"
}

variable "units" {
  description = "Number of units."
  type        = number
  default     = 1
}

variable "hub_name" {
  description = "Name of the hub, a letter first."
  type        = string
}

variable "handler_host" {
  description = "Host that certgate answers on, with :PORT unless that is 443."
  type        = string
}

variable "handler_path" {
  description = "Path that certgate answers under, without the first slash."
  type        = string
  default     = "eventhandler"
}

variable "notifications" {
  description = "Whether connected and disconnected are sent too."
  type        = bool
  default     = false
}

variable "local_auth_enabled" {
  description = "Whether the access keys are enabled; without them events have no signature."
  type        = bool
  default     = true
}

resource "azurerm_web_pubsub" "service" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = var.sku
  capacity            = var.units
  local_auth_enabled  = var.local_auth_enabled

  # The provider sets tls.clientCertEnabled by this name.
  tls_client_cert_enabled = true
}

resource "azurerm_web_pubsub_hub" "hub" {
  name          = var.hub_name
  web_pubsub_id = azurerm_web_pubsub.service.id

  # A certificate takes the place of a token.
  anonymous_connections_enabled = true

  # connect is always there: without it, every client would be accepted.
  event_handler {
    url_template  = "https://${var.handler_host}/${var.handler_path}"
    system_events = var.notifications ? ["connect", "connected", "disconnected"] : ["connect"]
  }
}

output "host_name" {
  description = "Host name for clients and for CERTGATE_ORIGINS."
  value       = azurerm_web_pubsub.service.hostname
}
