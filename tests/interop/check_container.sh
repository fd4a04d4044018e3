#!/bin/bash
# Checks an ASiC-E container of X-Road with tools that know nothing of X-Road:
# unzip, xmllint, xmlsec1 and openssl. No code of this project is used.
#
#   check_container.sh CONTAINER.asice SHARED-PARAMS.xml
#
# Prints one line for each check; stops with status 1 at the first that fails.
set -eEuo pipefail
export LC_ALL=C TZ=UTC

container=$(realpath "$1")
parameters=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

exec 3>&1
fail() { echo "FAILED  $*" >&3; : >"$work/failed"; exit 1; }
trap '[ -e "$work/failed" ] || fail "something that line $LINENO reads is broken"' ERR
ok() { echo "OK      $*"; }
xpath() { xmllint --xpath "$2" "$1" 2>/dev/null || true; }
local_names() { # turn a/b into a path that ignores namespaces
  sed 's#\([^/]*\)#*[local-name()="\1"]#g; s#\*\[local-name()=""\]##g' <<<"$1"
}
text() { xpath "$1" "string($2)" | tr -d ' \r\n\t'; }
pem() { # base64 on stdin, of DER or of PEM, to PEM
  local data
  data=$(tr -d ' \r\n\t')
  if [[ "$data" == LS0tLS1CRUdJTi* ]]; then
    openssl base64 -d -A <<<"$data"
    echo
  else
    echo "-----BEGIN CERTIFICATE-----"
    fold -w 64 <<<"$data"
    echo "-----END CERTIFICATE-----"
  fi
}
all_pem() { # every certificate at an XPath
  local count number
  count=$(xpath "$parameters" "count($1)")
  for ((number = 1; number <= count; number++)); do
    xpath "$parameters" "string(($1)[$number])" | pem
  done
}
digest_of() { # digest URI, file: hex
  local name
  case "$1" in
    *sha224) name=sha224 ;; *sha256) name=sha256 ;; *sha384) name=sha384 ;;
    *sha512) name=sha512 ;; *) fail "digest algorithm $1" ;;
  esac
  openssl dgst "-$name" -r "$2" | cut -d' ' -f1
}
hex() { tr -d ' \r\n\t' | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n'; }

# --- the container ---------------------------------------------------------------
mkdir c
unzip -q -t "$container" >/dev/null || fail "zip: the container is damaged"
unzip -q "$container" -d c || fail "zip: the container cannot be unpacked"
[ "$(cat c/mimetype)" = "application/vnd.etsi.asic-e+zip" ] || fail "mimetype"
signature=c/META-INF/signatures.xml
[ -s "$signature" ] && [ -s c/message.xml ] || fail "message or signature missing"
for file in $(cd c && find . -type f); do
  case "${file#./}" in
    mimetype | message.xml | attachment[1-9]* | sig-hashchain.xml) ;;
    sig-hashchainresult.xml | ts-hashchain.xml | ts-hashchainresult.xml) ;;
    META-INF/signatures.xml | META-INF/manifest.xml) ;;
    META-INF/ASiCManifest.xml | META-INF/timestamp.tst) ;;
    *) fail "container: nobody signed ${file#./}" ;;
  esac
done
ok "container: $(find c -type f | wc -l) files"

all_pem '//*[local-name()="approvedCA"]/*[local-name()="topCA" or local-name()="intermediateCA"]/*[local-name()="cert"]' >ca.pem
all_pem '//*[local-name()="approvedCA"]//*[local-name()="ocsp"]/*[local-name()="cert"]' >ocsp.pem
all_pem '//*[local-name()="approvedTSA"]/*[local-name()="cert"]' >tsa.pem

# --- hash chains -----------------------------------------------------------------
# The value of a step is H(DER list of (digest, algorithm, empty list of transforms)).
steps=0
step_der() { # chain file, step id, output file
  local chain=$1 id=$2 out=$3 number count kind base algorithm value uri
  local config="$work/step-$((++steps)).cnf"
  [ "$steps" -lt 200 ] || fail "hash chain: steps form a circle"
  base="//*[local-name()='HashStep' and @id='$id']"
  count=$(xpath "$chain" "count($base/*)")
  [ "${count:-0}" -gt 0 ] || fail "hash chain: no step $id"
  printf 'asn1=SEQUENCE:all\n[none]\n[all]\n' >"$config"
  for ((number = 1; number <= count; number++)); do
    echo "e$number=SEQUENCE:e$number" >>"$config"
  done
  for ((number = 1; number <= count; number++)); do
    kind=$(xpath "$chain" "local-name($base/*[$number])")
    uri=$(xpath "$chain" "string($base/*[$number]/@URI)")
    algorithm=$(xpath "$chain" "string($base/*[$number]/*[local-name()='DigestMethod']/@Algorithm)")
    [ -n "$algorithm" ] ||
      algorithm=$(xpath "$chain" 'string(//*[local-name()="DefaultDigestMethod"]/@Algorithm)')
    value=$(text "$chain" "$base/*[$number]/*[local-name()='DigestValue']" | hex)
    case "$kind" in
      StepRef)
        step_der "$chain" "${uri#\#}" "$config.$number"
        value=$(digest_of "$algorithm" "$config.$number") ;;
      DataRef)
        if [ -f "c$uri" ]; then
          [ "$(digest_of "$algorithm" "c$uri")" = "$value" ] ||
            fail "hash chain: $uri was changed"
          ok "hash chain: $uri"
        elif [[ "$uri" == /attachment* ]]; then
          echo "NOTE    hash chain: $uri is not in the container"
        else
          fail "hash chain: $uri is missing"
        fi
        echo "$uri" >>"$chain.covered" ;;
      HashValue) ;;
      *) fail "hash chain: unknown entry $kind" ;;
    esac
    cat >>"$config" <<EOF
[e$number]
digest=FORMAT:HEX,OCTETSTRING:$value
algorithm="UTF8:$algorithm"
transforms=SEQUENCE:none
EOF
  done
  openssl asn1parse -genconf "$config" -noout -out "$out" ||
    fail "hash chain: step $id cannot be encoded"
}
check_chain() { # result file, URI that must be covered
  local result=$1 uri expected algorithm
  uri=$(xpath "$result" 'string(/*/@URI)')
  algorithm=$(xpath "$result" 'string(/*/*[local-name()="DigestMethod"]/@Algorithm)')
  expected=$(text "$result" '/*/*[local-name()="DigestValue"]' | hex)
  [ -f "c${uri%%#*}" ] || fail "hash chain: ${uri%%#*} is missing"
  step_der "c${uri%%#*}" "${uri##*#}" top.der
  [ "$(digest_of "$algorithm" top.der)" = "$expected" ] ||
    fail "hash chain: the result is another"
  grep -qxF "$2" "c${uri%%#*}.covered" || fail "hash chain: $2 is not covered"
  ok "hash chain result: $result"
}

# --- the signature ---------------------------------------------------------------
text "$signature" '(//*[local-name()="KeyInfo"]//*[local-name()="X509Certificate"])[1]' |
  pem >signer.pem
mapped=()
uris=$(xpath "$signature" '//*[local-name()="SignedInfo"]/*[local-name()="Reference"]/@URI' |
  sed -n 's/.*URI="\([^"]*\)".*/\1/p')
for uri in $uris; do
  [[ "$uri" == \#* ]] && continue
  [ -f "c/${uri#/}" ] || fail "reference: $uri is missing"
  mapped+=("--url-map:$uri" "c/${uri#/}")
done
grep -qE '^/?(message|sig-hashchainresult)\.xml$' <<<"$uris" || fail "reference: the message is not signed"
verify_xml() {
  xmlsec1 --verify --store-signatures --enabled-key-data key-name \
    --pubkey-cert-pem signer.pem \
    --id-attr:Id http://uri.etsi.org/01903/v1.3.2#:SignedProperties \
    "${mapped[@]}" "$signature" >xmlsec.out 2>xmlsec.log
}
# RFC 4055 lets the digest's parameters be absent, and some signers leave them out;
# OpenSSL wants them. So the value is opened and compared with that form, byte by byte.
verify_value_without_parameters() {
  local references info
  references=$(sed -n 's#.*SignedInfo References (ok/all): ##p' xmlsec.log)
  [ "${references%/*}" = "${references#*/}" ] || return 1
  sed -n '/== PreSigned data - start buffer:/,/== PreSigned data - end buffer/p' \
    xmlsec.out | sed '1d;$d' | head -c -1 >signed-info
  text "$signature" '//*[local-name()="SignatureValue"]' | openssl base64 -d -A >value
  openssl x509 -in signer.pem -noout -pubkey >signer.key
  info=$(openssl pkeyutl -verifyrecover -pubin -inkey signer.key -in value 2>/dev/null |
    od -An -v -tx1 | tr -d ' \n')
  [ "$info" = "304f300b06096086480165030402030440$(openssl dgst -sha512 -r signed-info | cut -d' ' -f1)" ]
}
verify_xml || verify_value_without_parameters ||
  fail "signature: $(grep -m1 -E 'References|error' xmlsec.log)"
ok "signature and references: $(echo $uris)"
if grep -qE '^/?sig-hashchainresult\.xml$' <<<"$uris"; then
  check_chain c/sig-hashchainresult.xml /message.xml
fi

# --- the time-stamp --------------------------------------------------------------
if [ -f c/ts-hashchainresult.xml ]; then
  cp c/META-INF/timestamp.tst token.der
  cp c/ts-hashchainresult.xml stamped
  check_chain c/ts-hashchainresult.xml /META-INF/signatures.xml
else
  text "$signature" '//*[local-name()="EncapsulatedTimeStamp"]' | openssl base64 -d -A >token.der
  text "$signature" '//*[local-name()="SignatureValue"]' | openssl base64 -d -A >stamped
fi
[ -s token.der ] || fail "time-stamp: there is none"
stamp=$(openssl ts -reply -in token.der -token_in -text 2>/dev/null |
  sed -n 's/^Time stamp: //p')
stamped_at=$(date -d "$stamp" +%s)
openssl ts -verify -in token.der -token_in -data stamped -CAfile tsa.pem \
  -partial_chain -attime "$stamped_at" >ts.log 2>&1 || fail "time-stamp: $(tail -1 ts.log)"
ok "time-stamp: $stamp"

# --- the certificate and its OCSP response ---------------------------------------
openssl verify -CAfile ca.pem -attime "$stamped_at" signer.pem >verify.log 2>&1 ||
  fail "certificate: $(tail -1 verify.log)"
openssl x509 -in signer.pem -noout -ext keyUsage 2>/dev/null | grep -q 'Non Repudiation' ||
  fail "certificate: it is not for signing"
ok "certificate: $(openssl x509 -in signer.pem -noout -subject)"
text "$signature" '(//*[local-name()="EncapsulatedOCSPValue"])[1]' | openssl base64 -d -A >ocsp.der
issuer=$(openssl x509 -in signer.pem -noout -issuer_hash)
csplit -s -z -f issuer- -b %d.pem ca.pem '/BEGIN CERTIFICATE/' '{*}'
for each in issuer-*.pem; do
  if [ "$(openssl x509 -in "$each" -noout -subject_hash)" = "$issuer" ]; then
    cp "$each" issuer.pem
  fi
done
[ -f issuer.pem ] || fail "certificate: its issuer is not approved"
# The clock of this machine does not matter: times are compared with the time-stamp.
verify_ocsp() {
  openssl ocsp -respin ocsp.der -issuer issuer.pem -cert signer.pem -VAfile ocsp.pem \
    -CAfile ca.pem -attime "$stamped_at" >ocsp.log 2>&1 &&
    grep -q 'Response verify OK' ocsp.log
}
# OpenSSL finds a responder by its name only if the parts of the name stand in the
# order of its certificate, which not all responders keep. Then: the signature alone.
verify_ocsp_signature() {
  local at tbs value digest
  openssl ocsp -respin ocsp.der -issuer issuer.pem -cert signer.pem -noverify \
    >ocsp.log 2>&1 || return 1
  at=$(openssl asn1parse -inform der -in ocsp.der | grep -m1 'OCTET STRING' | cut -d: -f1)
  openssl asn1parse -inform der -in ocsp.der -strparse "$at" -noout -out basic.der
  openssl asn1parse -inform der -in basic.der >basic.txt
  tbs=$(grep -m1 'd=1 .*SEQUENCE' basic.txt | cut -d: -f1)
  value=$(grep -m1 'd=1 .*BIT STRING' basic.txt | cut -d: -f1)
  digest=$(grep -m1 -oE '(with|-with-)(RSA|SHA)[A-Za-z0-9]*|sha[0-9]+With' basic.txt |
    tail -1 | grep -oiE 'sha[0-9]+' | tr 'A-Z' 'a-z')
  openssl asn1parse -inform der -in basic.der -strparse "$((tbs))" -noout -out tbs.der
  openssl asn1parse -inform der -in basic.der -strparse "$((value))" -noout -out value.bin
  csplit -s -z -f responder- -b %d.pem ocsp.pem '/BEGIN CERTIFICATE/' '{*}'
  for each in responder-*.pem issuer.pem; do
    openssl x509 -in "$each" -noout -pubkey >responder.key
    if openssl dgst "-$digest" -verify responder.key -signature value.bin tbs.der \
      >/dev/null 2>&1; then return 0; fi
  done
  return 1
}
verify_ocsp || verify_ocsp_signature || fail "OCSP: the response cannot be believed"
grep -qE '^(signer.pem: )?good$' ocsp.log || fail "OCSP: the status is not good"
next=$(sed -n 's/^[[:space:]]*Next Update: //p' ocsp.log)
if [ -n "$next" ] && [ "$(date -d "$next" +%s)" -lt "$stamped_at" ]; then
  fail "OCSP: the response had expired when the message was stamped"
fi
ok "OCSP: good since $(sed -n 's/^[[:space:]]*This Update: //p' ocsp.log)"
echo "VERIFIED"
