#!/bin/sh
# install_neovim_0_12.sh FOLDER: unpack Neovim 0.12 and its libraries into FOLDER for the tests and print the program's path.
#
# It takes Debian's package and touches nothing of the system: no root, no package database, not even the C library,
# for Debian's own is unpacked beside it. The mirror and the key are those that apt uses on this machine already.
set -eu

suite=forky # The release of Debian that has Neovim 0.12, while "testing" goes on to later versions.

fail() {
    echo "$1 Or install Neovim 0.12 yourself and set CODESLM_TEST_NVIM12 to its path." >&2
    exit 1
}

[ $# -eq 1 ] || fail "Usage: $0 FOLDER."
folder=$(mkdir -p "$1" && cd "$1" && pwd)
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "Neovim 0.12 comes from Debian's packages, and here is no apt."

mirror=$(apt-get --print-uris update | sed -n "s|^'\(.*/debian\)/dists/.*|\1|p" | head -n 1)
[ -n "$mirror" ] || fail "apt has no source of Debian here to take Neovim 0.12 from."
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
fetch -y --download-only install neovim || fail "apt could not download Neovim."

tree=$folder/tree.new
rm -rf "$tree"
mkdir "$tree"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$tree"
done
rm -rf "$folder/tree"
mv "$tree" "$folder/tree"

# The loader is started by hand, or Neovim would be given the system's older C library. A Neovim started so cannot start
# itself again, as its terminal interface does: it runs with --headless or --embed, which is all that the tests need.
loader=$(find "$folder/tree/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
cat >"$folder/nvim.new" <<END
#!/bin/sh
export VIMRUNTIME='$folder/tree/usr/share/nvim/runtime'
exec '$loader' --library-path '$(dirname "$loader")' '$folder/tree/usr/bin/nvim' "\$@"
END
chmod +x "$folder/nvim.new"
"$folder/nvim.new" --version >&2 || fail "The Neovim of Debian $suite does not run here."
mv "$folder/nvim.new" "$folder/nvim" # Last, so that it stands there only once it works.
echo "$folder/nvim"
