#!/bin/sh
# Installs muxhook and muxhook-relay for one user: no sudo, nothing outside one folder.
# `sh install.sh --help` says the rest.
set -eu

usage() {
	cat <<'EOF'
install.sh: puts muxhook and muxhook-relay where your shell finds them

  sh install.sh [--version V] [--dry-run]
  sh install.sh --uninstall [--dry-run]

Started from a checkout of muxhook it builds both with cargo. Else, or with --version, it downloads
the archive for this machine from MUXHOOK_DOWNLOAD_URL and checks its SHA-256 before unpacking it.

  --version V   download this version instead of the latest one
  --uninstall   remove the two programs; settings and data stay
  --dry-run     say what would be done, and change nothing
  --help        this text

  MUXHOOK_INSTALL_DIR    where the programs go (default: ~/.local/bin)
  MUXHOOK_DOWNLOAD_URL   the folder that holds what scripts/release makes; https, or http on loopback

Exit codes: 0 done, 1 failed (what was installed before still stands), 2 used wrongly.
EOF
}

programs='muxhook muxhook-relay'

say() {
	printf '%s\n' "$*"
}

fail() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}

misuse() {
	printf 'install.sh: %s (see --help)\n' "$*" >&2
	exit 2
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# Versions name files and addresses, so nothing else may stand in them.
is_version() {
	case $1 in
	'' | *[!0-9A-Za-z.+-]*) return 1 ;;
	[0-9]*) return 0 ;;
	*) return 1 ;;
	esac
}

cleanup() {
	if [ -n "$tmp" ]; then rm -rf "$tmp"; fi
	for program in $programs; do
		if [ -n "$dir" ]; then rm -f "$dir/.$program.new.$$"; fi
	done
}

make_tmp() {
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/muxhook-install.XXXXXX") || fail 'cannot make a temporary folder (is TMPDIR writable?)'
}

# Where the programs go, as an absolute path.
choose_dir() {
	if [ -n "${MUXHOOK_INSTALL_DIR:-}" ]; then
		dir=$MUXHOOK_INSTALL_DIR
	elif [ -n "${HOME:-}" ]; then
		dir=$HOME/.local/bin
	else
		fail 'HOME is not set; say where to install with MUXHOOK_INSTALL_DIR'
	fi
	case $dir in
	/*) ;;
	*) dir=$PWD/$dir ;;
	esac
}

# The checkout that this script stands in; nothing when it was piped into a shell or stands elsewhere.
find_checkout() {
	case $0 in
	install.sh | */install.sh) ;;
	*) return 0 ;;
	esac
	here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || return 0
	if [ -f "$here/Cargo.toml" ] && grep -q '^name = "muxhook"$' "$here/Cargo.toml"; then
		printf '%s\n' "$here"
	fi
}

# This machine as Rust names it.
detect_target() {
	os=$(uname -s)
	arch=$(uname -m)
	case $arch in
	x86_64 | amd64) arch=x86_64 ;;
	aarch64 | arm64) arch=aarch64 ;;
	*) fail "there is no archive for a $arch processor; build from a checkout with cargo instead" ;;
	esac
	case $os in
	Linux) if ldd --version 2>&1 | grep -qi musl; then os=unknown-linux-musl; else os=unknown-linux-gnu; fi ;;
	Darwin) os=apple-darwin ;;
	*) fail "there is no archive for $os; build from a checkout with cargo instead" ;;
	esac
	target=$arch-$os
}

# The checksums come from the same place as the archives, so that place must be who it says it is.
check_url() {
	url=${MUXHOOK_DOWNLOAD_URL:-}
	url=${url%/}
	case $url in
	'') fail 'MUXHOOK_DOWNLOAD_URL is not set: set it to the folder that your releases are served from, or run install.sh from a checkout of muxhook, where it builds with cargo' ;;
	https://?*) ;;
	http://*@*) fail 'MUXHOOK_DOWNLOAD_URL must begin with https:// (http:// is taken for this machine alone)' ;;
	http://localhost | http://localhost[:/]* | http://127.0.0.1 | http://127.0.0.1[:/]* | http://\[::1\][:/]*) ;;
	*) fail 'MUXHOOK_DOWNLOAD_URL must begin with https:// (http:// is taken for this machine alone)' ;;
	esac
}

# fetch ADDRESS FILE (- for stdout). A stalled or cut transfer is a failure.
fetch() {
	if has curl; then
		curl --fail --silent --show-error --location --globoff --proto "=${url%%:*}" --connect-timeout 15 \
			--speed-limit 1 --speed-time 30 --output "$2" "$1"
	else
		wget -q -t 2 -T 30 -O "$2" "$1"
	fi || fail "could not download $1; nothing was installed"
}

sha256_of() {
	if has sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | awk '{ print $1; exit }'
}

need_tools() {
	has curl || has wget || fail 'neither curl nor wget is here; install one of them'
	has sha256sum || has shasum || fail 'neither sha256sum nor shasum is here, so the download could not be checked; install one of them'
	has tar || fail 'tar is not here; install it'
}

# Sets version to the one asked for, else to the latest there is.
choose_version() {
	if [ -n "$version" ]; then return 0; fi
	version=$(fetch "$url/latest" -) || exit 1
	is_version "$version" || fail "$url/latest does not hold a version; is MUXHOOK_DOWNLOAD_URL right?"
}

# Leaves the two programs of the archive in $bin, once its checksum is found right.
download() {
	make_tmp
	name=muxhook-$version-$target
	archive=$name.tar.gz
	say "downloading $url/$archive"
	fetch "$url/SHA256SUMS" "$tmp/SHA256SUMS"
	want=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1; exit }' "$tmp/SHA256SUMS")
	if [ -z "$want" ]; then fail "$url/SHA256SUMS does not list $archive: there is no muxhook $version for $target there"; fi
	fetch "$url/$archive" "$tmp/$archive"
	got=$(sha256_of "$tmp/$archive")
	if [ "$got" != "$want" ]; then
		fail "the SHA-256 of $archive is $got, but SHA256SUMS says $want: the download is damaged or not what was released; nothing was installed"
	fi
	mkdir "$tmp/out"
	tar -xzf "$tmp/$archive" -C "$tmp/out" "$name/muxhook" "$name/muxhook-relay" ||
		fail "$archive could not be unpacked; nothing was installed"
	bin=$tmp/out/$name
}

# Builds both programs in the checkout and leaves them in $bin.
build() {
	has cargo || fail 'cargo is not here; install Rust from https://rustup.rs and run this again'
	make_tmp
	say "building muxhook from $checkout"
	(cd "$checkout" && cargo build --release --locked -p muxhook -p muxhook-relay --bins \
		--message-format=json-render-diagnostics) >"$tmp/messages" || fail 'the build failed; nothing was installed'
	bin=$tmp/out
	mkdir "$bin"
	for program in $programs; do
		# Where cargo put it: its target folder is the user's to choose.
		built=$(sed -n "s|.*\"executable\":\"\\([^\"]*/$program\\)\".*|\\1|p" "$tmp/messages" | head -n 1)
		if [ -z "$built" ]; then fail "cargo did not say where it put $program; nothing was installed"; fi
		cp "$built" "$bin/$program"
	done
}

# Puts the programs of $bin into $dir: both are there and run before the first is replaced, each by a rename.
place() {
	mkdir -p "$dir" || fail "cannot make $dir; choose another folder with MUXHOOK_INSTALL_DIR"
	for program in $programs; do
		if [ -d "$dir/$program" ]; then fail "$dir/$program is a folder; move it away or choose another MUXHOOK_INSTALL_DIR"; fi
		if ! { cp "$bin/$program" "$dir/.$program.new.$$" && chmod 755 "$dir/.$program.new.$$"; }; then
			fail "cannot write to $dir; choose another folder with MUXHOOK_INSTALL_DIR"
		fi
	done
	installed=$("$dir/.muxhook.new.$$" --version) || fail 'the new muxhook does not run on this machine; nothing was replaced'
	for program in $programs; do
		if cmp -s "$dir/.$program.new.$$" "$dir/$program"; then
			say "$dir/$program is up to date"
		else
			mv -f "$dir/.$program.new.$$" "$dir/$program"
			say "installed $dir/$program"
		fi
	done
	say "$installed is ready; try: muxhook demo"
}

path_hint() {
	case :${PATH:-}: in
	*:"$dir":*) ;;
	*) say "$dir is not on your PATH; add to your shell's profile:  export PATH=\"$dir:\$PATH\"" ;;
	esac
}

install() {
	checkout=
	if [ -z "$version" ]; then checkout=$(find_checkout); fi
	if [ -z "$checkout" ]; then
		check_url
		need_tools
		detect_target
		choose_version
	fi
	if [ "$dry_run" = yes ]; then
		if [ -n "$checkout" ]; then
			say "would build with cargo in $checkout"
		else
			say "would download $url/muxhook-$version-$target.tar.gz and check its SHA-256"
		fi
		for program in $programs; do say "would install $dir/$program"; done
	else
		if [ -n "$checkout" ]; then build; else download; fi
		place
	fi
	path_hint
}

uninstall() {
	found=no
	for program in $programs; do
		if ! [ -e "$dir/$program" ] && ! [ -L "$dir/$program" ]; then continue; fi
		found=yes
		if [ "$dry_run" = yes ]; then
			say "would remove $dir/$program"
		else
			rm -f "$dir/$program" || fail "cannot remove $dir/$program"
			say "removed $dir/$program"
		fi
	done
	if [ "$found" = no ]; then say "muxhook is not in $dir; nothing to remove"; fi
}

main() {
	version='' dry_run=no action=install tmp='' dir=''
	while [ $# -gt 0 ]; do
		case $1 in
		--version)
			if [ $# -lt 2 ]; then misuse '--version needs a version'; fi
			version=${2#v}
			is_version "$version" || misuse "'$2' is not a version"
			shift
			;;
		--uninstall) action=uninstall ;;
		--dry-run) dry_run=yes ;;
		--help | -h)
			usage
			exit 0
			;;
		*) misuse "'$1' is not an option of this script" ;;
		esac
		shift
	done
	if [ "$action" = uninstall ] && [ -n "$version" ]; then misuse '--uninstall takes no --version'; fi
	choose_dir
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	"$action"
}

main "$@"
