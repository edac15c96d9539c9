# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# bash completion of certgate(1)

_certgate() {
	local current=$2 previous=$3 config="--config --site --help"
	local setup="$config --list"
	local options edit="$setup --dry-run --json" service="--hub --endpoint --ca
		--token-file"
	local fleet="--fleet --connection"
	local entry="user= groups= roles= subprotocol= client-id= query. hub=
		not-before= expires= cn= san= serial= crl="

	case $previous in
	--config | --list | --ca | --token-file | --admitted | --authorization | --log | \
		--state | --socket | --html | --connection)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--as)
		mapfile -t COMPREPLY < <(compgen -u -- "$current")
		return
		;;
	--mqtt)
		mapfile -t COMPREPLY < <(compgen -W "4 5" -- "$current")
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W "curl http json" -- "$current")
		return
		;;
	--since)
		mapfile -t COMPREPLY < <(compgen -W "30m 1h 7d" -- "$current")
		return
		;;
	--overlap)
		COMPREPLY=(14d)
		return
		;;
	--comment | --site | --hub | --connection-id | --user | --now | --post | \
		--query | --tag | --endpoint)
		COMPREPLY=()
		return
		;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "status why check \
			thumbprint list pending allow deny disconnect sweep \
			crl remove rotate fleet install-list store export import explain \
			simulate doctor stats addresses --help --version" \
			-- "$current")
		return
	fi
	case ${COMP_WORDS[1]} in
	status) options="$setup --json --html --as --log --socket" ;;
	why) options="$setup --json --log" ;;
	check) options="$setup --json --quiet --as --log --now" ;;
	thumbprint) options="--json --help" ;;
	list) options="$setup --json --last-used --log" ;;
	pending) options="$setup --json --hub --log" ;;
	allow) options="$edit $fleet --replace --comment --yes --spki --log" ;;
	deny)
		options="$edit $fleet --all --comment --spki --disconnect $service"
		;;
	fleet) options="--config --site --json --connection --log --help" ;;
	disconnect) options="$config --dry-run $service" ;;
	crl) options="$config --ca --dry-run" ;;
	sweep) options="$config --endpoint --ca --token-file --dry-run --log" ;;
	remove) options="$edit $fleet --deny --disconnect $service" ;;
	install-list) options="$edit" ;;
	store) options="--config --site --as --help" ;;
	export) options="--config --site --help" ;;
	import) options="--config --site --dry-run --help" ;;
	rotate) options="$edit $fleet --comment --spki --overlap" ;;
	explain)
		options="$setup --json --hub --connection-id --user --mqtt --query
			--now --as"
		;;
	simulate)
		options="$config --hub --connection-id --user --mqtt --query --format
			--post --ca"
		;;
	doctor)
		options="$config --json --hub --ca --admitted --connection-id --mqtt
			--query --authorization --validation"
		;;
	stats) options="$config --json --log --since --prometheus --state" ;;
	addresses) options="--tag --apache --nginx --lighttpd --help" ;;
	*) options="" ;;
	esac
	case ${COMP_WORDS[1]},$current in
	*,-*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		;;
	status,* | why,* | check,* | list,* | pending,* | doctor,* | stats,* | disconnect,* | sweep,*)
		COMPREPLY=()
		;;
	crl,*)
		COMPREPLY=(fetch)
		;;
	fleet,*)
		mapfile -t COMPREPLY < <(compgen -W "init status report forget" \
			-- "$current")
		;;
	allow,*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current"
			[ "$COMP_CWORD" -lt 3 ] ||
				compgen -W "$entry" -- "$current")
		[[ ${COMPREPLY[0]-} != *[=.] ]] || compopt -o nospace 2>/dev/null
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	esac
}
complete -o filenames -F _certgate certgate
