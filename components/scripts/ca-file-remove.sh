# Removes the file of the gateway's CA; succeeds when it is gone already.
# In: CA_FILE
set -eu
rm -f "$CA_FILE"
