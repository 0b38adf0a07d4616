# Implements the docker commands of the lab with the files of this folder (docker-stand-in.ts), whose columns are separated by tabs:
# networks (id, name, labels of stack, owner and organization), nodes (name, cluster, network, its id, state) and
# caches (container or volume, name, label, network).
# shellcheck disable=SC2016 # awk expands its own variables
tab=$(printf '\t')
command=$*
name='' stack='' owner='' organization='' cluster='' network='' last=''
for each; do
  case $each in
    name=^*) name=${each#name=^} name=${name%\$} ;;
    network=*) network=${each#network=} ;;
    label=ambient-lab.stack=*) stack=${each#*=*=} ;;
    label=ambient-lab.owner=*) owner=${each#label=ambient-lab.owner=} ;;
    label=ambient-lab.organization=*) organization=${each#*=*=} ;;
    label=io.x-k8s.kind.cluster=*) cluster=${each#*=*=} ;;
  esac
  last=$each
done
rows() { awk -F '\t' -v OFS='\t' -v last="$last" "$@"; }
# Changes a file. In: the file, the arguments of awk
change() {
  file=$1
  shift
  rows "$@" "$file" >"$file.new"
  mv "$file.new" "$file"
}
fail() {
  echo "$1" >&2
  exit 1
}
case "$1 $2" in
  "version "*)
    case $command in
      *Server.Os*) echo linux/amd64 ;;
      *Server.Version*) echo 28.0.0 ;;
      *) echo '{"Client":{"Version":"28.0.0","ApiVersion":"1.48"}}' ;;
    esac
    ;;
  "info "*) echo '{"ServerVersion":"28.0.0","OperatingSystem":"Docker Desktop","NCPU":8,"MemTotal":12884901888,"CgroupVersion":"2"}' ;;
  "context "*) echo unix:///var/run/docker.sock ;;
  "image inspect") echo linux/amd64 ;;
  "exec "* | "stats "*) ;;
  "network ls")
    case $command in
      *--format*) rows '{ print $1, $2, $3, $4 }' networks ;;
      *)
        rows -v n="$name" -v s="$stack" -v o="$owner" -v g="$organization" \
          '(n == "" || $2 == n) && (s == "" || $3 == s) && (o == "" || $4 == o) && (g == "" || $5 == g) { print $1 }' networks
        ;;
    esac
    ;;
  "network inspect")
    case $command in
      *ambient-lab.owner*) rows '$1 == last { print $4 }' networks ;;
      *ambient-lab.organization*) rows '$1 == last { print $5 }' networks ;;
      *IPAM*) rows '{ print $2 " 172.30." NR ".0/24 " }' networks ;;
    esac
    ;;
  "network rm")
    id=$(rows '$1 == last || $2 == last { print $1 }' networks)
    [ -n "$id" ] || fail "Error response from daemon: network $last not found"
    # A stopped container keeps no network (moby v28.0.0 libnetwork/network.go, Delete()).
    [ -z "$(rows -v id="$id" '$4 == id && $5 == "running"' nodes)" ] ||
      fail "Error response from daemon: error while removing network: network $last has active endpoints"
    change networks -v id="$id" '$1 != id'
    ;;
  "network connect") change caches -v to="$3" '$1 == "container" && $2 == last { $4 = to } { print }' ;;
  "network disconnect") change caches '$1 == "container" && $2 == last { $4 = "" } { print }' ;;
  "ps "*)
    case $command in
      *label=ambient-lab.cache*) rows -v n="$network" '$1 == "container" && $3 != "" && $4 == n { print $2 }' caches ;;
      *)
        case $command in
          *"{{.State}} {{.Networks}} {{.ID}}"*) columns='$5 " " $3 " " $1 " "' ;;
          *"{{.Names}} {{.State}}"*) columns='$1 " " $5' ;;
          *"{{.Names}}"* | *"{{.ID}}"* | *-aq* | *--quiet*) columns='$1' ;;
          *) fail "the stand-in does not support: docker $command" ;;
        esac
        rows -v c="$cluster" -v n="$network" "(c == \"\" || \$2 == c) && (n == \"\" || \$3 == n) { print $columns }" nodes
        ;;
    esac
    ;;
  "inspect "*)
    case $command in
      *StartedAt*) rows '{ print "/" $1 " 2026-11-23T08:00:00Z 2026-11-23T08:00:00Z" }' nodes ;;
      *"index .NetworkSettings.Networks"*) for last; do rows '$1 == last { print $4 }' nodes; done ;;
      *NetworkID*) rows '$1 == last { print $3 "=" $4 " " }' nodes ;;
      *PortBindings*) rows '{ print $2 }' nodes ;;
      *) fail "the stand-in does not support: docker $command" ;;
    esac
    ;;
  "container inspect")
    grep -q "^container$tab$last$tab" caches || fail "Error response from daemon: No such container: $last"
    case $command in
      *Networks*) rows '$1 == "container" && $2 == last { print "bridge " $4 " " }' caches ;;
      *ambient-lab.cache*) rows '$1 == "container" && $2 == last { print $3 }' caches ;;
      *State.Status*) echo "running start" ;;
      *StartedAt*) echo start ;;
    esac
    ;;
  "volume inspect")
    grep -q "^volume$tab$last$tab" caches || fail "Error response from daemon: get $last: no such volume"
    rows '$1 == "volume" && $2 == last { print "label " $3 }' caches
    ;;
  # A volume that is there keeps its labels (moby v28.0.0 volume/service/store.go, create()).
  "volume create") grep -q "^volume$tab$last$tab" caches || printf 'volume\t%s\t%s\t\n' "$last" "${4#*=}" >>caches ;;
  "create --name") printf 'container\t%s\t%s\t\n' "$3" "${5#*=}" >>caches ;;
  "logs "*) echo "listening on [::]:5000" ;;
  "port "*) echo 127.0.0.1:5000 ;;
  "rm "*)
    for last; do
      change nodes '$1 != last'
      change caches '$1 != "container" || $2 != last'
    done
    ;;
  "stop "* | "start "*)
    state=exited
    [ "$1" = stop ] || state=running
    for last; do change nodes -v to=$state '$1 == last { $5 = to } { print }'; done
    ;;
  *) fail "the stand-in does not support: docker $command" ;;
esac
