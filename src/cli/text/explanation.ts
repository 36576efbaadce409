/** An {@link Explanation} as text: a paragraph for each service. Pure. */
import { askedText, ignitionText } from './output.ts'
import type { Answer, ExplainedBackend, Explanation } from '../../explain/explanation.ts'
import { macsText } from '../../plan/model.ts'
import { defined } from '../../text/defined.ts'
import { alignColumns } from '../../text/lines.ts'

type Offer = Explanation['offers'][number]

export function explanationLines(explanation: Explanation): string[] {
  const { boot, offers, dns, haproxy } = explanation
  return [
    ...identity(explanation),
    ...offers.flatMap((offer) => ['', ...offerLines(offer)]),
    '',
    ...(boot === 'none' ? requestLines : bootLines(explanation)),
    '',
    'DNS',
    ...recordLines([...dns.forward, ...dns.reverse]),
    '',
    'HAProxy',
    ...backendLines(haproxy),
  ]
}

/** Returns the lines about certificate requests of a node that slipway does not boot. */
const requestLines = [
  'Certificate requests',
  '  slipway cannot know which machine sent the first request, so it stays pending: check the machine, then',
  '  approve it with oc adm certificate approve (slipway csr list shows its name)',
]

function bootLines({ script, ignition, diskChooser }: Explanation): string[] {
  const isInInitramfs = ignition === undefined && diskChooser === 'agent'
  return [
    ...(script === undefined ? [] : scriptLines(script)),
    ...(isInInitramfs
      ? ['', 'Ignition  in its initramfs, which only this node can fetch while it installs']
      : []),
    ...(ignition === undefined ? [] : ['', ...ignitionLines(ignition)]),
  ]
}

function scriptLines({ url, body }: NonNullable<Explanation['script']>): string[] {
  const lines = body.trimEnd().split('\n')
  return [`iPXE script  ${url}`, ...lines.map((line) => `  ${line}`.trimEnd())]
}

function identity(explanation: Explanation) {
  const {
    node,
    role,
    name,
    mac,
    otherMacs,
    address,
    addresses,
    network,
    boot,
    image = '',
    disk,
    diskChooser = 'agent',
  } = explanation
  const others = addresses.filter((each) => each !== address)
  const boots = {
    install: `installs ${image} on ${disk ?? `the disk that its ${diskChooser} chooses`}`,
    menu: 'shows the menu',
    local: 'boots its local disk',
    none: 'not by slipway: no DHCP or boot request is answered',
  }
  return [
    `${node}  ${role}`,
    ...columns([
      ['name', name],
      ...(mac === undefined ? [] : [['MAC', macsText({ mac, ...defined({ otherMacs }) })] as const]),
      ['address', [network === undefined ? address : `${address} in ${network}`, ...others].join(', ')],
      ['boot', boots[boot as keyof typeof boots]],
    ]),
  ]
}

function offerLines({
  client,
  reason,
  address = 'none: another DHCP server assigns it',
  nextServer,
  file,
  bootFile,
  loader,
  options,
}: Offer): string[] {
  if (options.length === 0) return [`DHCP to ${client}`, `  no offer: ${reason ?? 'reason unknown'}`]
  const place = loader === undefined ? [] : 'path' in loader ? [loader.path] : [`missing: ${loader.problem}`]
  const boot =
    bootFile === undefined
      ? `nothing: ${reason ?? 'this client does not boot'}`
      : [bootFile, ...place].join(', ')
  return [
    `DHCP to ${client}`,
    ...columns([
      ['boot file', boot],
      ['yiaddr', address],
      ...(nextServer === undefined ? [] : [['siaddr', nextServer] as const]),
      ...(file === undefined ? [] : [['file', file] as const]),
      ...options.map(({ code, name, value }) => [String(code), name, value] as const),
    ]),
  ]
}

function ignitionLines({
  url,
  file,
  octets,
  contents,
  isAsked,
  problem,
  added,
}: Required<Explanation>['ignition']): string[] {
  const facts = isAsked === true ? [askedText] : [`${octets ?? 0} bytes`]
  const found = [file, ...facts, ...(contents === undefined ? [] : [ignitionText(contents)])]
  return [
    `Ignition  ${url}`,
    `  ${problem === undefined ? found.join(', ') : `missing: ${problem}`}`,
    ...added.map(
      ({ path, mode, from }) => `  adds ${path} (${mode})${from === undefined ? '' : ` from ${from}`}`,
    ),
  ]
}

function recordLines(answers: readonly Answer[]): string[] {
  if (answers.length === 0) return ['  another server answers DNS']
  return columns(answers.map(({ owner, type, data }) => [owner, type, data]))
}

function backendLines(backends: readonly ExplainedBackend[]): string[] {
  if (backends.length === 0) return ['  not a server in any backend']
  return columns(
    backends.map(({ service, addresses, server, isBackup, isOut }) => [
      service,
      addresses.join(', '),
      `to ${server}${whenUsed(isBackup, isOut)}`,
    ]),
  )
}

function whenUsed(isBackup: boolean, isOut: boolean): string {
  if (isOut) return ': disabled, gets no new connections'
  return isBackup ? ' (backup: only while no other server is up)' : ''
}

function columns(rows: readonly (readonly string[])[]): string[] {
  return alignColumns(rows).map((line) => `  ${line}`)
}
