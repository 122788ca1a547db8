#!/usr/bin/env bash
# Puts the program of a release on the PATH of the steps that follow, after checking its digest.
set -euo pipefail
repository=${GITHUB_ACTION_REPOSITORY:-tagspace/tagspace}
releases=${TAGSPACE_RELEASES:-https://github.com/$repository/releases/download}
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
  Linux-aarch64) target=aarch64-unknown-linux-gnu ;;
  Darwin-arm64) target=aarch64-apple-darwin ;;
  MINGW*-x86_64 | MSYS*-x86_64) target=x86_64-pc-windows-msvc ;;
  *) echo "::error title=tagspace::there is no release for $(uname -s) on $(uname -m)"; exit 1 ;;
esac
folder=${RUNNER_TEMP:-/tmp}/tagspace-$TAGSPACE_VERSION
mkdir -p "$folder"
cd "$folder"
archive=tagspace-$target.tar.gz
curl -fsSL -o "$archive" "$releases/$TAGSPACE_VERSION/$archive"
curl -fsSL -o SHA256SUMS "$releases/$TAGSPACE_VERSION/SHA256SUMS"
if ! grep " $archive\$" SHA256SUMS > expected; then
  echo "::error title=tagspace::SHA256SUMS of $TAGSPACE_VERSION has no $archive"
  exit 1
fi
if command -v sha256sum > /dev/null; then
  sha256sum -c expected > /dev/null
else
  shasum -a 256 -c expected > /dev/null # macOS
fi
tar -xzf "$archive"
echo "$folder" >> "$GITHUB_PATH"
