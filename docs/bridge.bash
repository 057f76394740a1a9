# Completion of bridge for bash.  Made by `make docs` from the tables the program itself reads.
_bridge() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=run w
	for w in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
		case $w in
		run | check | send | tail | top | scaler | help | version) verb=$w && break ;;
		esac
	done
	case $before in
	--config | --resources-path | --file)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--app-protocol)
		mapfile -t COMPREPLY < <(compgen -W "http https plain" -- "$word")
		return
		;;
	--log-level)
		mapfile -t COMPREPLY < <(compgen -W "debug info warn warning error fatal" -- "$word")
		return
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "function policy process bindings.kafka kafka pubsub.kafka bindings.mqtt mqtt bindings.mqtt3 pubsub.mqtt pubsub.mqtt3 bindings.redis redis pubsub.redis pubsub.in-memory in-memory pubsub.inmemory" -- "$word")
		return
		;;
	esac
	if [[ $word == -* ]]; then
		case $verb in
		run) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --version --help" ;;
		check) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --print --version --help" ;;
		send) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --key --header --file --version --help" ;;
		tail) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --count --version --help" ;;
		top) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --admin --once --version --help" ;;
		scaler) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --version --help" ;;
		help) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --version --help" ;;
		version) w=" --config --resources-path --app-id --app-port --app-channel-address --app-protocol --app-max-concurrency --app-binding-options-timeout --dapr-http-port --dapr-listen-addresses --metrics-port --metrics-listen-address --enable-metrics --dapr-graceful-shutdown-seconds --log-level --log-as-json --version --help" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$w" -- "$word")
	elif ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "run check send tail top scaler help version" -- "$word")
	fi
}
complete -o default -F _bridge bridge
