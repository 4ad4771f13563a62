#!/usr/bin/env bash
# Installs what the tests need and runs them all. Each step is a script of package.json, so any of them can be run alone.
#
#     npm run test:all [-- --no-install] [-- --only STEP,STEP]
#
# The last line is "N passed, N failed", in test cases over all steps; the exit code is 0 when nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."

# name | npm script | how cases are counted | seconds it may take | arguments
#   vitest   from vitest's JSON report
#   line     from the last "N passed, N failed" that the step prints
#   exit     one case: the exit code
STEPS='
lint        | lint          | exit   | 300 |
typecheck   | typecheck     | exit   | 300 |
unit        | test:unit     | vitest | 600 | --coverage
contract    | test:contract | vitest | 600 |
browser     | test:browser  | vitest | 300 |
e2e         | test:e2e      | vitest | 1000 |
seeds       | sim:seeds     | line   | 600 |
million     | sim:million   | line   | 300 |
attacks     | sim:attacks   | line   | 300 |
mutants     | sim:mutants   | line   | 600 |
fuzz        | sim:fuzz      | line   | 300 | --time 70s --other-runtime node_modules/.bin/bun
'

install=yes
only=''
while [ $# -gt 0 ]; do
  case $1 in
    --no-install) install=no ;;
    --only) only=",$2,"; shift ;;
    *) echo "test-all.sh: unknown option $1; known: --no-install, --only STEP,STEP" >&2; exit 2 ;;
  esac
  shift
done

# npm itself runs on the host's own Node: the one in node_modules is about to be replaced. npm run puts it back in front.
PATH=$(printf %s "$PATH" | tr : '\n' | grep -v node_modules | paste -sd :)
export PATH
unset NODE_OPTIONS

install_debian_packages() {
  local missing=()
  command -v unshare >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
  command -v ip >/dev/null || missing+=(iproute2)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v curl >/dev/null || missing+=(curl)
  # pkcs11js is compiled by npm ci, and tried on SoftHSM and NSS.
  command -v g++ >/dev/null || missing+=(g++)
  command -v make >/dev/null || missing+=(make)
  command -v python3 >/dev/null || missing+=(python3)
  command -v softhsm2-util >/dev/null || missing+=(softhsm2)
  command -v pkcs11-tool >/dev/null || missing+=(opensc)
  command -v certutil >/dev/null || missing+=(libnss3 libnss3-tools)
  # Outside judges of what is on the wire.
  command -v tshark >/dev/null || missing+=(tshark)
  command -v ndpiReader >/dev/null || missing+=(libndpi-bin)
  # Pages of reports are opened and looked at.
  command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "installing Debian packages: ${missing[*]}"
  # Without the variable wireshark-common asks who may capture; root may.
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

passed=0
failed=0
summary=''
reports=$(mktemp -d)
rm -rf coverage/e2e
trap 'rm -rf "$reports"' EXIT

# Prints "passed failed" of one finished step.
count_cases() {
  local name=$1 kind=$2 code=$3 good=0 bad=0
  case $kind in
    vitest)
      read -r good bad < <(node -e '
        const report = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))
        // A file that could not even be loaded has no failed test, but it is a failure.
        const broken = report.testResults.filter((f) => f.status === "failed" && f.assertionResults.every((t) => t.status !== "failed"))
        console.log(report.numPassedTests, report.numFailedTests + broken.length)' "$reports/$name.json" 2>/dev/null)
      ;;
    line)
      read -r good bad < <(sed -nE 's/.*\b([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$reports/$name.log" | tail -n 1)
      [ -n "${good:-}" ] || { [ "$code" -eq 0 ] && good=1; }
      ;;
    exit) [ "$code" -eq 0 ] && good=1 ;;
  esac
  good=${good:-0}
  bad=${bad:-0}
  # Also what fails outside a case counts: coverage under its threshold, a crash, a step that took too long.
  [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  echo "$good $bad"
}

run_step() {
  local name=$1 script=$2 kind=$3 limit=$4 arguments=$5 code good bad started=$SECONDS
  local command=(npm run --silent "$script" --)
  # shellcheck disable=SC2206 # arguments are words
  command+=($arguments)
  [ "$kind" = vitest ] && command+=(--reporter=default --reporter=json "--outputFile.json=$reports/$name.json")
  echo
  echo "== $name: npm run $script"
  timeout --kill-after=20 "$limit" "${command[@]}" 2>&1 | tee "$reports/$name.log"
  code=${PIPESTATUS[0]}
  [ "$code" -eq 124 ] && echo "$name took longer than $limit seconds"
  read -r good bad < <(count_cases "$name" "$kind" "$code")
  passed=$((passed + good))
  failed=$((failed + bad))
  summary+=$(printf '%-10s %6d passed %4d failed %5d s' "$name" "$good" "$bad" $((SECONDS - started)))$'\n'
}

if [ $install = yes ]; then
  install_debian_packages || { echo '0 passed, 1 failed'; exit 1; }
  npm ci || { echo '0 passed, 1 failed'; exit 1; }
fi

while IFS='|' read -r name script kind limit arguments; do
  name=$(echo $name)
  [ -n "$name" ] || continue
  [ -z "$only" ] || case $only in *",$name,"*) ;; *) continue ;; esac
  run_step "$name" $script $kind $limit "$arguments" </dev/null
done <<<"$STEPS"

if [ -d coverage/e2e ]; then
  echo
  echo '== lines of src that the end-to-end tests reached, on Node'
  npm run --silent coverage:e2e
fi

echo
printf %s "$summary"
echo "in $SECONDS s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
