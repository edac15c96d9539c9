// SPDX-License-Identifier: ISC
// Copyright The certgate authors
//
// A Web PubSub resource that requests client certificates, and a hub whose events
// go to certgate.  webpubsub.json is the same template; README.md describes it.

@description('Name of the resource; it is served as NAME.webpubsub.azure.com.')
@minLength(3)
@maxLength(63)
param name string

@description('Region of the resource.')
param location string = resourceGroup().location

@description('Tier of the resource.')
@allowed([
  'Standard_S1'
  'Premium_P1'
])
param sku string = 'Standard_S1'

@description('Number of units.')
@allowed([
  1
  2
  3
  4
  5
  6
  7
  8
  9
  10
  20
  30
  40
  50
  60
  70
  80
  90
  100
])
param units int = 1

@description('Name of the hub, a letter first.')
@minLength(1)
@maxLength(128)
param hubName string

@description('Host that certgate answers on, with :PORT unless that is 443.')
@minLength(4)
@maxLength(261)
param handlerHost string

@description('Path that certgate answers under, without the first slash.')
@maxLength(1024)
param handlerPath string = 'eventhandler'

@description('URI of the Key Vault secret that the service sends as the code; empty for none.')
@maxLength(1024)
param codeSecretUri string = ''

@description('Whether connected and disconnected are sent too.')
param notifications bool = false

@description('User events that are sent too: * for all, names between commas, empty for none.')
@maxLength(1024)
param userEvents string = ''

@description('Audience of the token of Entra ID that each event is sent with; empty for none.')
@maxLength(1024)
param tokenAudience string = ''

@description('Whether the access keys are disabled; events then have no signature, so give tokenAudience.')
param disableLocalAuth bool = false

// Always HTTPS: a server that answers for this URL can accept any client.
var handlerUrl = 'https://${handlerHost}/${handlerPath}'

// connect is in both: without it, allow below would accept every client.
var decisions = [
  'connect'
]
var decisionsAndNotifications = [
  'connect'
  'connected'
  'disconnected'
]

var handler = {
  urlTemplate: empty(codeSecretUri) ? handlerUrl : '${handlerUrl}?code={@Microsoft.KeyVault(SecretUri=${codeSecretUri})}'
  systemEvents: notifications ? decisionsAndNotifications : decisions
}

// A member without a value is not sent, not even as null.
var nothing = {
}
var withUserEvents = {
  userEventPattern: userEvents
}
var withToken = {
  auth: {
    type: 'ManagedIdentity'
    managedIdentity: {
      resource: tokenAudience
    }
  }
}

var handlers = [
  union(handler, empty(userEvents) ? nothing : withUserEvents, empty(tokenAudience) ? nothing : withToken)
]

resource service 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: name
  location: location
  sku: {
    name: sku
    capacity: units
  }
  // The identity reads the secret and requests tokens; it needs no other rights.
  identity: {
    type: empty(codeSecretUri) ? empty(tokenAudience) ? 'None' : 'SystemAssigned' : 'SystemAssigned'
  }
  properties: {
    disableLocalAuth: disableLocalAuth
    tls: {
      clientCertEnabled: true
    }
  }
}

resource hub 'Microsoft.SignalRService/webPubSub/hubs@2024-03-01' = {
  parent: service
  name: hubName
  properties: {
    // A certificate takes the place of a token.
    anonymousConnectPolicy: 'allow'
    eventHandlers: handlers
  }
}

@description('Host name for clients and for CERTGATE_ORIGINS.')
output hostName string = service.properties.hostName

@description('Name of the hub, for CERTGATE_HUB.')
output hub string = hubName
