#!/bin/sh
# install_code_server.sh FOLDER: install code-server, which is VS Code behind a web page, from npm for the tests.
#
# Nothing is compiled: its own installation would build native modules (a terminal, Kerberos, spell checking) that no test uses.
set -eu

version=4.139.1

[ $# -eq 1 ] || { echo "Usage: $0 FOLDER." >&2; exit 1; }
folder=$(mkdir -p "$1" && cd "$1" && pwd)
command -v npm >/dev/null || { echo "npm is missing: install what the tests need by pip install -e '.[test]'." >&2; exit 1; }
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

cd "$folder"
echo '{"private": true}' >package.json
npm install --ignore-scripts "code-server@$version" >&2
cd node_modules/code-server/lib/vscode
npm install --omit=dev --ignore-scripts >&2
echo "$version" >"$folder/installed" # Last, so that it stands there only once all is there.
