# Removes the file of the gateway's CA; succeeds when the file does not exist. Labs of two backends may share the folder: a file
# with another certificate belongs to the other lab, and is not removed.
# In: CA_FILE CA_PEM
set -eu
# The command substitutions remove the trailing newlines of both.
[ "$(cat "$CA_FILE" 2>/dev/null)" != "$(printf '%s' "$CA_PEM")" ] || rm -f "$CA_FILE"
