#!/bin/sh
# Makes the secrets of docker-compose.yml, at random, in ./secrets or the FOLDER that is named. Keeps those that exist.
#   sh tools/secrets.sh [FOLDER]
# Nobody else gets into the folder; the files in it are open, because in the containers several users read them.
set -eu
folder=${1:-secrets}
mkdir -p -m 700 "$folder"
chmod 700 "$folder"
umask 022

keep() { # NAME: a file of standard input, unless it exists
  [ -e "$folder/$1" ] || { cat >"$folder/$1.new" && mv "$folder/$1.new" "$folder/$1"; }
}
random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' && echo; }

for name in postgres_password valkey_password secret_key; do
  random | keep "$name"
done
# Valkey reads its password from nowhere else than a configuration or its command line, which everybody may read.
{ printf 'requirepass ' && cat "$folder/valkey_password"; } | keep valkey.conf
echo "The secrets are in $folder."
