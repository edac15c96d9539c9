#compdef certgate
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# zsh completion of certgate(1).  The verbs and options are those of
# certgate --help.

_certgate() {
	local line value action verb
	local -a verbs specs entry
	entry=(user= groups= roles= subprotocol= client-id= query. hub=
		not-before= expires= cn= san= serial= crl=)

	if (( CURRENT == 2 )) || [[ $words[2] == help && $CURRENT == 3 ]]; then
		for line in ${(f)"$(certgate --help 2>/dev/null)"}; do
			[[ $line =~ '^  ([a-z][a-z-]*) +(.+)$' ]] &&
				verbs+=("$match[1]:$match[2]")
		done
		(( CURRENT == 2 )) && verbs+=('help:print the usage of a verb'
			'--help:print the verbs' '--version:print the version')
		_describe verb verbs
		return
	fi
	verb=$words[2]
	for line in ${(f)"$(certgate $verb --help 2>/dev/null)"}; do
		if [[ $line == Usage:* ]]; then
			action=' '
			[[ $line != *FILE* ]] || action=_files
			[[ $verb != crl ]] || action='(fetch)'
			specs+=("*:argument:$action")
		elif [[ $line =~ '^  (--[a-z-]+)( [^ ]+)? +(.+)$' ]]; then
			value=${match[2]# }
			case $value in
			'') specs+=("$match[1][$match[3]]") && continue ;;
			'4|5') action='(4 5)' ;;
			FORM) action='(curl http json)' ;;
			USER) action=_users ;;
			FILE* | PATH*) action=_files ;;
			*) action=' ' ;;
			esac
			specs+=("$match[1]=[$match[3]]:$value:$action")
		fi
	done
	if [[ $verb == (allow|deny) && $CURRENT -gt 3 ]]; then
		compadd -S '' -a entry
	fi
	(( CURRENT-- ))
	shift words
	_arguments $specs
}

_certgate "$@"
