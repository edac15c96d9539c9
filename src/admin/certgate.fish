# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# fish completion of certgate(1).  The verbs and options are those of
# certgate --help.

set -l entry user= groups= roles= subprotocol= client-id= query. hub= \
	not-before= expires= cn= san= serial= crl=

function __certgate_verb
	set -l words (commandline -opc)
	set -q words[2]; and echo $words[2]
end

function __certgate_verbs
	certgate --help 2>/dev/null |
		string replace -rf '^  ([a-z][a-z-]*) +(.+)$' '$1\t$2'
	printf '%s\t%s\n' help 'print the usage of a verb'
end

function __certgate_is_first
	not __certgate_verb >/dev/null
end

# The options of the verb.
function __certgate_options
	certgate (__certgate_verb) --help 2>/dev/null |
		string replace -rf '^  (--[a-z-]+)( \S+)? +(.+)$' '$1\t$3'
end

# The value of the option before the cursor, as --help has it; false: none.
function __certgate_value
	set -l words (commandline -opc)
	set -q words[3]; and string match -q -- '--*' $words[-1]; or return 1
	certgate $words[2] --help 2>/dev/null |
		string match -rg -- "^  $words[-1] (\S+)"
end

function __certgate_values
	switch (__certgate_value)
		case '4|5'
			printf '%s\n' 4 5
		case FORM
			printf '%s\n' curl http json
		case USER
			__fish_complete_users
		case 'FILE*' 'PATH*'
			__fish_complete_path (commandline -ct)
	end
end

# The arguments of the verb.
function __certgate_arguments
	set -l verb (__certgate_verb)
	switch $verb
		case help
			__certgate_verbs
		case crl
			echo fetch
		case '*'
			certgate $verb --help 2>/dev/null |
				string match -q '*Usage*FILE*'
			and __fish_complete_path (commandline -ct)
	end
end

complete -c certgate -f
complete -c certgate -n __certgate_is_first -a '(__certgate_verbs)'
complete -c certgate -n __certgate_is_first -l help -d 'print the verbs'
complete -c certgate -n __certgate_is_first -l version -d 'print the version'
complete -c certgate -n 'not __certgate_is_first; and __certgate_value' \
	-a '(__certgate_values)'
complete -c certgate -n 'not __certgate_is_first; and not __certgate_value' \
	-a '(__certgate_options; __certgate_arguments)'
complete -c certgate -n 'string match -qr "^(allow|deny)\$" (__certgate_verb);
	and not __certgate_value; and test (count (commandline -opc)) -gt 2' \
	-a "$entry"
