#!/bin/sh
exec env CERTGATE_CONFIG=/home/USER/certgate/certgate.conf ./certgate.cgi
