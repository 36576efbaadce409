/**
 * A shell script that checks a node's side of the network (`slipway preflight --from-node`): its address and route, the
 * MTU of the path, names, downloads, clock, registries, and the DHCP server of its lease. It runs in a live or rescue
 * system with a POSIX shell, ip, sed, and curl or wget, and changes nothing. Pure.
 */
import type { ImageFacts } from '../../plan/facts.ts'
import { absoluteUrl, urlPaths } from '../../plan/urls.ts'
import {
  bootSource,
  clusterDomain,
  httpBase,
  type Ipv4Node,
  type Model,
  type NodeModel,
} from '../../plan/model.ts'
import { formatIp, formatIpv4, isIpv4, type Ip } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/declared.ts'

/** @param declared a node with an IPv4 address @param registries host names of the registries that nodes pull from */
export function nodeCheckScript(model: Model, declared: NodeModel, registries: readonly string[]): string {
  const node = declared as Ipv4Node
  const { subnet } = node
  const values: Readonly<Record<string, string>> = {
    node: node.key,
    address: formatIpv4(node.address),
    prefix: String(subnet.cidr.prefix),
    macs: [node.mac, ...(node.otherMacs ?? [])].join(' '),
    gateway: subnet.gateway === undefined ? '' : formatIpv4(subnet.gateway),
    mtu: String(subnet.mtu ?? ''),
    server: formatIpv4(model.endpoint.address),
    dhcp: subnet.dhcp,
    base: httpBase(model.endpoint),
    names: expectedNames(model, node).join(' '),
    urls: imageUrls(model, node).join(' '),
    registries: registries.join(' '),
  }
  const settings = Object.entries(values).map(([name, value]) => `${name}=${quote(value)}`)
  return ['#!/bin/sh', heading, ...settings, body].join('\n')
}

/** Quotes text for the shell, which interprets nothing in single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** Returns `name=address,address` for the names that the node needs to join its cluster. */
function expectedNames({ site }: Model, node: NodeModel): string[] {
  const own = [`${node.fqdn}=${formatIp(node.address)}`]
  const cluster = site.clusters.find(({ name }) => name === node.cluster)
  if (cluster === undefined) return own
  const { api, apiInternal, ingress } = endpointsOf(cluster)
  const domain = clusterDomain(cluster)
  const entry = (name: string, addresses: readonly Ip[]) => {
    const expected = addresses.filter(isIpv4).map(formatIp)
    return expected.length === 0 ? [] : [`${name}=${expected.join(',')}`]
  }
  return [
    ...entry(`api.${domain}`, api),
    ...entry(`api-int.${domain}`, apiInternal),
    ...entry(`slipway-check.apps.${domain}`, ingress),
    ...entry(node.fqdn, [node.address]),
  ]
}

/** Returns the URLs of the files that any client can read. The initramfs of an agent contains secrets. */
function imageUrls({ facts, endpoint }: Model, node: NodeModel): string[] {
  const image = bootSource(node)
  const files = facts.images.get(image) as ImageFacts
  // Another server has the files of a script.
  if (files.style === 'script') return []
  const large = files.style === 'installer' ? files.metal : files.rootfs
  const initramfs = files.style === 'agent' ? [] : [files.initramfs]
  return [files.kernel, ...initramfs, large]
    .filter((file) => file?.kind === 'found')
    .map(({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1)
      return absoluteUrl(endpoint, urlPaths.image(image, name))
    })
}

const heading = `# Checks the network from a node. Run it as root on the node, in its installed system or in a live system.
# It changes nothing. Exit status: 0 no failure, 1 a failure.`

/** `String.raw` keeps the backslashes of sed; the shell code uses no braces around names of variables. */
const body = String.raw`
oks=0 warnings=0 failures=0 limit=''
if command -v timeout >/dev/null 2>&1; then limit='timeout 10'; fi

ok() {
  oks=$((oks + 1))
  printf 'ok       %-9s  %s\n' "$1" "$2"
}

warning() {
  warnings=$((warnings + 1))
  printf 'warning  %-9s  %s\n                    -> %s\n' "$1" "$2" "$3"
}

failure() {
  failures=$((failures + 1))
  printf 'failure  %-9s  %s\n                    -> %s\n' "$1" "$2" "$3"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Prints the header of the response to HEAD. A proxy is used only with "proxy".
head_of() {
  if [ "$2" != proxy ]; then
    http_proxy='' HTTP_PROXY='' https_proxy='' HTTPS_PROXY='' all_proxy='' ALL_PROXY=''
    export http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
  fi
  if has curl; then
    curl -sS -m 10 -I "$1" 2>&1
  else
    # The wget of busybox has few options.
    $limit wget -S --spider "$1" 2>&1
  fi | tr -d '\r'
}

# Runs in a subshell, so that the environment of the caller keeps its proxies.
status_of() {
  (head_of "$1" "$2") | sed -n 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' | tail -n 1
}

check_address() {
  device=$(ip -o -4 address show | sed -n "s/^[0-9]*: *\([^ ]*\) *inet $address\/.*/\1/p" | head -n 1)
  if [ -z "$device" ]; then
    failure address "no interface has $address" "Boot the node from the network, or check its DHCP lease and its network configuration"
    return
  fi
  mac=$(cat "/sys/class/net/$device/address" 2>/dev/null)
  case " $macs " in
    *" $mac "*) ok address "$device has $address and the declared MAC address $mac" ;;
    *) failure address "$device has $address, but its MAC address $mac is not declared for $node" "Correct mac of $node in the site file, or use the declared interface" ;;
  esac
  if ip -o -4 address show dev "$device" | grep -q "inet $address/$prefix "; then
    :
  else
    failure address "$address does not have the prefix length $prefix" "Correct the network configuration of the node"
  fi
}

check_route() {
  if route=$(ip -4 route get "$server" 2>/dev/null); then
    ok route "$(printf '%s' "$route" | head -n 1 | sed 's/ *uid.*//; s/ *$//')"
  else
    failure route "there is no route to $server" "Check gateway of the subnet in the site file, and the lease of the node"
    return
  fi
  [ -n "$gateway" ] || return 0
  if ip -4 route show default | grep -q "via $gateway "; then
    ok route "the default route leads to $gateway"
  else
    failure route "no default route leads to $gateway" "Find out which DHCP server leased the address to the node"
  fi
}

check_mtu() {
  if [ -z "$mtu" ] && [ -n "$device" ]; then mtu=$(cat "/sys/class/net/$device/mtu"); fi
  [ -n "$mtu" ] || mtu=1500
  if ! has ping; then
    warning mtu "not checked: there is no ping" "Install iputils in the live system"
  elif ! ping -c 1 -W 2 "$server" >/dev/null 2>&1; then
    warning mtu "not checked: $server does not answer a ping" "Allow ICMP echo on $server and in the firewalls between"
  elif ping -c 1 -W 2 -M 'do' -s $((mtu - 28)) "$server" >/dev/null 2>&1; then
    ok mtu "packets of $mtu bytes reach $server"
  elif ! ping -c 1 -W 2 -M 'do' -s 8 "$server" >/dev/null 2>&1; then
    warning mtu "not checked: this ping has no option -M" "Install iputils in the live system"
  else
    failure mtu "packets of $mtu bytes do not reach $server" "Set the same MTU on the node, on the switches, and on $server"
  fi
}

addresses_of() {
  if has getent; then
    getent ahostsv4 "$1" | sed 's/ .*//'
  else
    nslookup "$1" 2>/dev/null | sed -n '/^Name/,$s/^Address[ 0-9]*: *\([0-9][0-9.]*\).*/\1/p'
  fi | sort -u | tr '\n' ',' | sed 's/,$//'
}

check_names() {
  if ! has getent && ! has nslookup; then
    warning names "not checked: there is neither getent nor nslookup" "Check the names with another program"
    return
  fi
  for pair in $names; do
    name=$(printf '%s' "$pair" | sed 's/=.*//')
    expected=$(printf '%s' "$pair" | sed 's/.*=//' | tr ',' '\n' | sort -u | tr '\n' ',' | sed 's/,$//')
    found=$(addresses_of "$name")
    if [ "$found" = "$expected" ]; then
      ok names "$name is $found"
    else
      [ -n "$found" ] || found='not found'
      failure names "$name is $found, expected $expected" "Check the resolvers of the node (/etc/resolv.conf) with slipway check --dns"
    fi
  done
}

check_images() {
  for url in $urls; do
    status=$(status_of "$url")
    if [ "$status" = 200 ]; then
      ok images "$url can be downloaded"
    else
      [ -n "$status" ] || status='no response'
      failure images "$url: $status" "Check that slipway serves, and that no firewall blocks its HTTP port"
    fi
  done
}

# Prints the seconds since 1970 of an HTTP date (RFC 9110, section 5.6.7): Sun, 06 Nov 1994 08:49:37 GMT
seconds_of() {
  # The split is intended.
  # shellcheck disable=SC2046
  set -- $(printf '%s' "$1" | sed 's/^[^,]*, *//; s/:/ /g; s/ 0\([0-9]\)/ \1/g; s/^0//')
  case $2 in
    Jan) month=10 ;; Feb) month=11 ;; Mar) month=0 ;; Apr) month=1 ;; May) month=2 ;; Jun) month=3 ;;
    Jul) month=4 ;; Aug) month=5 ;; Sep) month=6 ;; Oct) month=7 ;; Nov) month=8 ;; Dec) month=9 ;;
    *) return 1 ;;
  esac
  year=$3
  if [ "$month" -ge 10 ]; then year=$((year - 1)); fi
  days=$((365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + $1 - 719469))
  printf '%s' $((((days * 24 + $4) * 60 + $5) * 60 + $6))
}

check_clock() {
  date=$( (head_of "$base/health") | sed -n 's/^ *[Dd]ate: *//p' | tail -n 1)
  if [ -z "$date" ] || ! there=$(seconds_of "$date"); then
    warning clock "not checked: $base/health has no date" "Check that slipway serves"
    return
  fi
  difference=$(($(date -u +%s) - there))
  if [ "$difference" -lt 0 ]; then difference=$((-difference)); fi
  if [ "$difference" -le 30 ]; then
    ok clock "the clocks of the node and of $server agree"
  else
    failure clock "the clocks of the node and of $server differ by $difference s" "Set the clock in the firmware setup, or set ntp for the subnet in the site file"
  fi
}

check_registries() {
  for registry in $registries; do
    status=$(status_of "https://$registry/v2/" proxy)
    case $status in
      200 | 401) ok registry "$registry answers" ;;
      *)
        [ -n "$status" ] || status='no response'
        warning registry "$registry: $status" "Set https_proxy if there is a proxy, or specify your mirror with --registry"
        ;;
    esac
  done
}

# Prints the DHCP server of the current lease.
lease_server() {
  if has nmcli; then nmcli -t -f DHCP4 device show "$device" 2>/dev/null | sed -n 's/.*dhcp_server_identifier = //p'; fi
  cat /run/systemd/netif/leases/* 2>/dev/null | sed -n 's/^SERVER_ADDRESS=//p'
  cat /var/lib/dhcp/*.leases /var/lib/dhclient/*.lease* 2>/dev/null |
    sed -n 's/.*option dhcp-server-identifier \([0-9.]*\);/\1/p' | tail -n 1
}

check_dhcp() {
  [ -n "$device" ] || return 0
  found=$(lease_server | head -n 1)
  if [ -z "$found" ]; then
    warning dhcp "not checked: no lease of $device was found" "Run slipway preflight on $server, which looks for other DHCP servers"
  elif [ "$found" = "$server" ] || [ "$dhcp" = proxy ]; then
    ok dhcp "$found leased the address"
  else
    failure dhcp "$found leased the address, expected $server" "Turn that DHCP server off, or configure it to ignore the declared machines"
  fi
}

if ! has curl && ! has wget; then
  failure tools 'there is neither curl nor wget' 'Use a live system that has one of them'
fi
check_address
check_route
check_mtu
check_dhcp
check_names
check_images
check_clock
check_registries
plural() {
  if [ "$1" -eq 1 ]; then printf '%s %s' "$1" "$2"; else printf '%s %ss' "$1" "$2"; fi
}
printf '%s ok, %s, %s\n' "$oks" "$(plural "$warnings" warning)" "$(plural "$failures" failure)"
[ "$failures" -eq 0 ]
`
