#!/usr/bin/env bash
# Plays a command, shows its annotations and its summary, and ends with its exit code.
set -uo pipefail
mkdir -p "$TAGSPACE_OUT"
# Words and quotes as in a shell, but nothing is expanded or executed.
arguments=()
while IFS= read -r -d '' word; do arguments+=("$word"); done \
  < <(xargs -n 1 printf '%s\0' <<< "$TAGSPACE_ARGUMENTS")
status=0
tagspace "${arguments[@]}" \
  -o junit="$TAGSPACE_OUT/junit.xml" \
  -o markdown="$TAGSPACE_OUT/summary.md" \
  -o github="$TAGSPACE_OUT/annotations.txt" || status=$?
# Without a result nothing was rehearsed, whatever the command said.
if [ ! -s "$TAGSPACE_OUT/junit.xml" ]; then
  echo "::error title=tagspace::no result"
  [ "$status" -ne 0 ] || status=1
fi
cat "$TAGSPACE_OUT/annotations.txt" 2> /dev/null || true
cat "$TAGSPACE_OUT/summary.md" >> "$GITHUB_STEP_SUMMARY" 2> /dev/null || true
exit "$status"
