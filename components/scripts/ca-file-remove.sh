# Removes the file of the gateway's CA; succeeds when it is gone already. Labs of two backends may share the folder: a file with
# another certificate is the other lab's, and stays.
# In: CA_FILE CA_PEM
set -eu
# The command substitutions take the line ends off both.
[ "$(cat "$CA_FILE" 2>/dev/null)" != "$(printf '%s' "$CA_PEM")" ] || rm -f "$CA_FILE"
