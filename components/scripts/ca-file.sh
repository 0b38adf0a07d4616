# Writes the certificate of the gateway's CA to a file for clients; prints the path.
# In: CA_FILE CA_PEM
set -eu
mkdir -p "$(dirname "$CA_FILE")"
printf '%s' "$CA_PEM" >"$CA_FILE.new"
mv "$CA_FILE.new" "$CA_FILE"
echo "$CA_FILE"
