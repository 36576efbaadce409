import t from 'tap'
import { bootTable, chooseBoot, takesScript, type BootClient } from '../../../src/plan/dhcp/boot-table.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { BootFile, NodeBoot } from '../../../src/plan/dhcp/plan.ts'
import { parseMac, type Mac } from '../../../src/proto/address/mac.ts'
import { captures } from '../../support/dhcp-captures.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

function nodeBoot(
  changes: {
    loader?: string
    pxeOptions?: boolean
    clusterName?: string
    nodeName?: string
    http?: number
  } = {},
): NodeBoot {
  const site = exampleSite()
  const [cluster] = site.clusters
  if (changes.loader !== undefined) Object.assign(cluster as object, { loader: changes.loader })
  if (changes.pxeOptions !== undefined) Object.assign(cluster as object, { pxeOptions: changes.pxeOptions })
  if (changes.clusterName !== undefined) cluster!.name = changes.clusterName
  if (changes.nodeName !== undefined) cluster!.nodes[1]!.name = changes.nodeName
  if (changes.http !== undefined) site.server.ports = { http: changes.http }
  const { plan } = compileDhcp(exampleModel(site))
  const boot = plan.reservationByMac.get(parseMac('00:00:5e:00:53:11') as Mac)?.boot
  if (boot === undefined) throw new Error('the node has no boot table')
  return boot as NodeBoot
}

const silent: BootClient = { protocol: undefined, architectures: [], isIpxe: false, takesScript: false }
const pxe = (...architectures: number[]): BootClient => ({ ...silent, protocol: 'PXEClient', architectures })
const http = (...architectures: number[]): BootClient => ({
  ...pxe(...architectures),
  protocol: 'HTTPClient',
})
const script = 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe'
const loaders = 'http://192.0.2.2/loaders'

const rows: readonly { name: string; client: BootClient; loader?: string; file?: string; reason?: string }[] =
  [
    { name: 'BIOS', client: pxe(0), file: 'bios/undionly.kpxe' },
    { name: 'BIOS, node with snponly', client: pxe(0), loader: 'snponly', file: 'bios/undionly.kpxe' },
    { name: '32-bit UEFI by its number', client: pxe(6), file: 'efi/snponly.efi' },
    { name: 'x64 UEFI', client: pxe(7), file: 'efi/snponly.efi' },
    { name: 'x64 UEFI, node with ipxe', client: pxe(7), loader: 'ipxe', file: 'efi/ipxe.efi' },
    { name: 'x64 UEFI by the number before the erratum', client: pxe(9), file: 'efi/snponly.efi' },
    { name: 'arm64 UEFI', client: pxe(11), file: 'arm64/ipxe.efi' },
    { name: 'arm64 UEFI, node with snponly', client: pxe(11), loader: 'snponly', file: 'arm64/snponly.efi' },
    { name: 'the first architecture that has a row', client: pxe(2, 11, 7), file: 'arm64/ipxe.efi' },
    {
      name: 'option 93 without option 60',
      client: { ...silent, architectures: [7] },
      file: 'efi/snponly.efi',
    },
    {
      name: 'iPXE, whatever its architecture',
      client: { ...pxe(0), isIpxe: true, takesScript: true },
      file: script,
    },
    {
      name: 'iPXE without further options',
      client: { ...silent, isIpxe: true, takesScript: true },
      file: script,
    },
    {
      name: 'an iPXE that cannot fetch over HTTP',
      client: { ...pxe(7), isIpxe: true },
      file: 'efi/snponly.efi',
    },
    { name: 'an installed system', client: silent },
    {
      name: 'an architecture without a row',
      client: pxe(2),
      reason: 'no boot file for client system architecture 2',
    },
    {
      name: 'several architectures without a row',
      client: pxe(2, 3),
      reason: 'no boot file for client system architecture 2, 3',
    },
    {
      name: 'a PXE client without architecture',
      client: pxe(),
      reason: 'the request has no client system architecture',
    },
    {
      name: 'an architecture that is known but has no loader',
      client: pxe(27),
      reason: 'no boot file for client system architecture 27 (riscv64 UEFI)',
    },
    { name: '32-bit ARM UEFI by its number', client: pxe(10), file: 'arm64/ipxe.efi' },
    { name: 'x64 UEFI HTTP Boot', client: http(16), file: `${loaders}/efi/snponly.efi` },
    {
      name: 'x64 UEFI HTTP Boot, node with ipxe',
      client: http(16),
      loader: 'ipxe',
      file: `${loaders}/efi/ipxe.efi`,
    },
    { name: '32-bit UEFI HTTP Boot by its number', client: http(15), file: `${loaders}/efi/snponly.efi` },
    { name: 'arm64 UEFI HTTP Boot', client: http(19), file: `${loaders}/arm64/ipxe.efi` },
    {
      name: '32-bit ARM UEFI HTTP Boot by its number',
      client: http(18),
      file: `${loaders}/arm64/ipxe.efi`,
    },
    {
      name: 'a number of HTTP Boot without option 60',
      client: { ...silent, architectures: [16] },
      file: `${loaders}/efi/snponly.efi`,
    },
    {
      name: 'UEFI HTTP Boot, the first number that is one of HTTP',
      client: http(7, 16),
      file: `${loaders}/efi/snponly.efi`,
    },
    {
      name: 'UEFI HTTP Boot with a number of PXE: a path is not a URL',
      client: http(7),
      reason: 'no boot file over HTTP for client system architecture 7 (x64 UEFI)',
    },
    {
      name: 'PXE with a number of HTTP Boot: a URL is not a path',
      client: pxe(16),
      reason: 'no boot file for client system architecture 16 (x64 UEFI HTTP)',
    },
    {
      name: 'iPXE with the vendor class HTTPClient',
      client: { ...http(16), isIpxe: true, takesScript: true },
      file: script,
    },
  ]
for (const { name, client, loader, file, reason } of rows) {
  t.test(`${name} boots ${file ?? 'nothing'}`, (t) => {
    const choice = chooseBoot(nodeBoot(loader === undefined ? {} : { loader }), client)
    t.equal(choice.file?.name, file)
    t.equal(choice.reason, reason)
    t.end()
  })
}

t.test('a host boots nothing, and gets a reason only if it requests a boot file', (t) => {
  t.same(chooseBoot(undefined, silent), {})
  t.same(chooseBoot(undefined, pxe(7)), {
    reason: 'the machine is a host, and slipway boots only nodes of a cluster',
  })
  t.end()
})

const who = [
  { name: 'option 77 is iPXE', classes: ['iPXE'], features: undefined, is: true },
  { name: 'option 77 is iPXE, 175 has HTTP', classes: ['iPXE'], features: { http: true }, is: true },
  {
    name: "option 77 is iPXE, a build without HTTP, as in a card's ROM",
    classes: ['iPXE'],
    features: { http: false },
    is: false,
  },
  { name: 'option 77 has iPXE among others', classes: ['a', 'iPXE'], features: undefined, is: true },
  {
    name: 'option 175 with HTTP under another user class',
    classes: ['PXEROM'],
    features: { http: true },
    is: true,
  },
  { name: 'option 175 without HTTP', classes: [], features: { http: false }, is: false },
  { name: 'firmware', classes: [], features: undefined, is: false },
  { name: 'another user class', classes: ['ipxe'], features: undefined, is: false },
]
for (const { name, classes, features, is } of who) {
  t.test(`${name}: ${is ? 'the script' : 'a loader'}`, (t) => {
    t.equal(takesScript(classes, features), is)
    t.end()
  })
}

/** Options by code, as text. */
function texts(file: Pick<BootFile, 'options'> | undefined): [number, string][] {
  return (file?.options ?? []).map(({ code, value }) => [code, Buffer.from(value).toString('latin1')])
}

t.test(
  'a loader is in the file field and in option 67 (with its NUL), and its server is in option 66',
  (t) => {
    const file = nodeBoot().loaderByArchitecture.get(7)
    t.equal(file?.file, 'efi/snponly.efi')
    t.same(texts(file), [
      [67, 'efi/snponly.efi\0'],
      [66, '192.0.2.2'],
    ])
    t.end()
  },
)

t.test(
  'UEFI HTTP Boot gets the class HTTPClient and a URL, and no separate server (UEFI 2.10 §24.7)',
  (t) => {
    const file = nodeBoot({ http: 8080 }).loaderByArchitecture.get(16)
    t.equal(file?.file, 'http://192.0.2.2:8080/loaders/efi/snponly.efi')
    t.same(texts(file), [
      [60, 'HTTPClient'],
      [67, 'http://192.0.2.2:8080/loaders/efi/snponly.efi\0'],
    ])
    t.end()
  },
)

t.test(
  'with pxeOptions, options 60 and 43 make PXE firmware boot the named file without boot server discovery',
  (t) => {
    const { script, loaderByArchitecture } = nodeBoot({ pxeOptions: true })
    for (const architecture of [0, 7, 11]) {
      const [first, second, ...others] = loaderByArchitecture.get(architecture)?.options ?? []
      t.same(texts({ options: [first!] }), [[60, 'PXEClient']])
      t.same(second, { code: 43, value: Uint8Array.of(6, 1, 8, 255) })
      t.same(
        others.map(({ code }) => code),
        [67, 66],
      )
    }
    t.same(texts(loaderByArchitecture.get(16))[0], [60, 'HTTPClient'], 'not those to UEFI HTTP Boot')
    t.same(texts(script), [[67, `${script.name}\0`]], 'nor those to iPXE')
    t.end()
  },
)

t.test('each row names its evidence: a capture in the repository, or a document', (t) => {
  t.same(
    bootTable.map(({ architecture }) => architecture),
    [...new Set(bootTable.map(({ architecture }) => architecture))].sort((a, b) => a - b),
    'each architecture once, in order',
  )
  const kept = new Set(captures.map(({ capture }) => capture))
  const unknown = bootTable.filter(({ evidence }) => !kept.has(evidence) && !/^(IANA|RFC \d+)/.test(evidence))
  t.same(unknown, [])
  t.end()
})

t.test('the script is an absolute URL with the port that is served', (t) => {
  const { script } = nodeBoot({ http: 8080 })
  t.equal(script.name, 'http://192.0.2.2:8080/boot/ocp45/m1/boot.ipxe')
  t.equal(script.file, script.name)
  t.same(
    script.options.map(({ code }) => code),
    [67],
  )
  t.end()
})

for (const { octets, inHeader } of [
  { octets: 127, inHeader: true },
  { octets: 128, inHeader: false },
]) {
  const where = inHeader ? 'in the header too' : 'in option 67 alone'
  t.test(`RFC 2131 §2: a name of ${octets} octets is ${where}`, (t) => {
    const clusterName = 'c'.repeat(63)
    const nodeName = 'm'.repeat(octets - 'http://192.0.2.2/boot///boot.ipxe'.length - clusterName.length)
    const { script } = nodeBoot({ clusterName, nodeName })
    t.equal(script.name.length, octets)
    t.equal(script.file, inHeader ? script.name : '')
    t.equal(script.options[0]?.value.length, octets + 1)
    t.end()
  })
}
