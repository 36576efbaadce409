/** All stable codes of the program, and the page that documents them (docs/codes.md). Pure. */
import { assistedCodes } from './assisted/codes.ts'
import { bmcCodes } from './bmc/codes.ts'
import { clusterCodes } from './cluster/codes.ts'
import { imageCodes } from './images/codes.ts'
import { inventoryCodes } from './inventory/codes.ts'
import { installCodes } from './install/codes.ts'
import { hostCodes } from './host/codes.ts'
import { controlCodes } from './serve/control/codes.ts'
import { driftCodes } from './drift/codes.ts'
import { dnsCodes } from './serve/dns/codes.ts'
import { siteCodes } from './site/codes.ts'
import { dhcpCodes } from './serve/dhcp/codes.ts'
import { dhcpv6Codes } from './serve/dhcpv6/codes.ts'
import { tftpCodes } from './serve/tftp/codes.ts'
import { haproxyCodes } from './serve/haproxy/codes.ts'
import { hookCodes } from './serve/hooks/codes.ts'
import { httpCodes } from './serve/http/codes.ts'
import { preflightCodes } from './preflight/codes.ts'
import { planCodes } from './plan/codes.ts'
import { scanCodes } from './scan/codes.ts'
import { syslogCodes } from './serve/syslog/codes.ts'
import type { CodeEntry } from './text/codes.ts'

/** One registry for each layer that has codes. Add yours here. */
export const codeRegistries: readonly Readonly<Record<string, CodeEntry>>[] = [
  assistedCodes,
  bmcCodes,
  clusterCodes,
  planCodes,
  preflightCodes,
  scanCodes,
  siteCodes,
  controlCodes,
  dnsCodes,
  driftCodes,
  imageCodes,
  installCodes,
  inventoryCodes,
  dhcpCodes,
  dhcpv6Codes,
  tftpCodes,
  haproxyCodes,
  httpCodes,
  hookCodes,
  syslogCodes,
  hostCodes,
]

/** What the part of a code before the period stands for, in the order of the page. */
export const codeAreas: Readonly<Record<string, string>> = {
  site: 'The site file',
  plan: 'The plan made from the site file',
  preflight: 'Checks before power-on',
  dhcp: 'DHCP',
  dhcpv6: 'DHCPv6',
  tftp: 'TFTP',
  http: 'HTTP',
  dns: 'DNS',
  syslog: 'Syslog receiver',
  assisted: 'Assisted service',
  haproxy: 'HAProxy',
  boot: 'Network boot of a node',
  ignition: 'Ignition files',
  answers: 'Answer files of other operating systems',
  image: 'Boot images',
  install: 'Installation of a node',
  bmc: 'BMCs and power',
  cluster: 'Clusters and their connections',
  csr: 'Certificate signing requests',
  state: 'State directory',
  store: 'Shared store',
  hook: 'Hooks',
  server: 'The slipway process and its local API',
  api: 'API on the network',
}

/** Renders docs/codes.md: one table for each area that has codes, sorted by code. */
export function renderCodes(registries = codeRegistries): string {
  const codes = registries.flatMap((registry) => Object.entries(registry))
  const sections = Object.entries(codeAreas).flatMap(([area, title]) => {
    const rows = codes.filter(([code]) => code.startsWith(`${area}.`)).sort(([a], [b]) => (a < b ? -1 : 1))
    if (rows.length === 0) return []
    return [
      `\n## ${title}\n`,
      '| Code | Meaning | What to do |',
      '|---|---|---|',
      ...rows.map(([code, { meaning, remedy }]) => `| \`${code}\` | ${startSentence(meaning)} | ${remedy} |`),
    ]
  })
  return [introduction, ...sections, ''].join('\n')
}

/** Capitalizes a meaning that is also printed after a colon, unless it starts with a name such as slipway or iPXE. */
function startSentence(text: string): string {
  return /^(?!slipway)[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text
}

const introduction = `# Codes

Every refusal, warning, symptom, and finding has a code. The code is the same in the log (field \`code\`), the APIs,
the metrics (label \`code\`), and the output of \`--json\`. Codes do not change between releases, but the texts beside them may.

This page is generated from the source: \`UPDATE=1 npx tap test/codes.test.ts\` writes it.`
