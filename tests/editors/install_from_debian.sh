#!/bin/sh
# install_from_debian.sh FOLDER PROGRAM PACKAGE…: unpack an editor and its libraries into FOLDER/tree for the tests, and print
# the path of a script that starts PROGRAM, which lies in the tree.
#
# It takes Debian's packages and touches nothing of the system: no root, no package database, not even the C library,
# for Debian's own is unpacked beside it. The mirror and the key are those that apt uses on this machine already.
set -eu

suite=forky # A release of Debian with versions that are new enough, while "testing" goes on to later ones.

fail() {
    echo "$1" >&2
    exit 1
}

[ $# -ge 3 ] || fail "Usage: $0 FOLDER PROGRAM PACKAGE…"
folder=$(mkdir -p "$1" && cd "$1" && pwd)
program=$2
shift 2
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "$* come from Debian's packages, and here is no apt."

mirror=$(apt-get --print-uris update | sed -n "s|^'\(.*/debian\)/dists/.*|\1|p" | head -n 1)
[ -n "$mirror" ] || fail "apt has no source of Debian here to take $* from."
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || fail "The package debian-archive-keyring is missing, which verifies what is downloaded."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
: >"$work/status" # An empty package database: every dependency is fetched.
echo "deb [signed-by=$key] $mirror $suite main" >"$work/sources.list"
fetch() {
    apt-get -q \
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State="$work" -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work/cache" -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=1 "$@" >&2
}
fetch update || fail "apt could not read Debian's list of packages."
fetch -y --download-only install "$@" || fail "apt could not download $*."

tree=$folder/tree.new
rm -rf "$tree"
mkdir "$tree"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$tree"
done
rm -rf "$folder/tree"
mv "$tree" "$folder/tree"

# The loader is started by hand, or the program would be given the system's older C library. Neovim, started so, cannot start
# itself again, as its terminal interface does: it runs with --headless or --embed, which is all that the tests need.
loader=$(find "$folder/tree/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
cat >"$folder/program.new" <<END
#!/bin/sh
tree='$folder/tree'
export VIMRUNTIME="\$tree/usr/share/nvim/runtime" HELIX_RUNTIME="\$tree/usr/lib/helix/runtime"
export EMACSLOADPATH="\$(find "\$tree"/usr/share/emacs/*/lisp -type d 2>/dev/null | paste -sd:)" EMACSDATA="\$(echo "\$tree"/usr/share/emacs/*/etc)"
dump=\$(find "\$tree"/usr/libexec/emacs -name '*.pdmp' 2>/dev/null | head -n 1)
exec '$loader' --library-path '$(dirname "$loader")' "\$tree/$program" \${dump:+--dump-file "\$dump"} "\$@"
END
chmod +x "$folder/program.new"
"$folder/program.new" --version >&2 || fail "The $program of Debian $suite does not run here."
mv "$folder/program.new" "$folder/program" # Last, so that it stands there only once it works.
echo "$folder/program"
