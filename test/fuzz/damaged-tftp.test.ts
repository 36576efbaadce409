/** TFTP: requests of real clients with one damaged option. */
import t from 'tap'
import { decodePacket } from '../../src/proto/tftp/packet.ts'
import { negotiate, checkRequest } from '../../src/serve/tftp/request.ts'
import { hexFixture } from '../support/hex.ts'
import { property } from './damaged.ts'

const reads = ['atftp', 'busybox', 'curl', 'ipxe-bios', 'lenovo-t460', 'ovmf-read', 'ovmf-size', 'tftp-hpa']
  .map((name) => hexFixture(`tftp/${name}`))
  .map((octets) => Buffer.from(octets.subarray(2)).toString('latin1').split('\0').slice(0, -1))
  .map((texts) => ({ texts, pairs: (texts.length - 2) / 2 }))

function readOf(octets: Uint8Array) {
  const packet = decodePacket(octets)
  if (packet.kind !== 'rrq') return undefined
  const check = checkRequest(packet, true, undefined)
  return check.kind === 'read'
    ? { name: check.name, granted: negotiate(check.options, 3000).granted }
    : undefined
}

const requestOf = (text: string) => Uint8Array.from(Buffer.from(`\0\x01${text}`, 'latin1'))
const joined = (texts: readonly string[]) => texts.map((text) => `${text}\0`).join('')

property(t, 'tftp', (random) => {
  const { texts, pairs } = random.pick(reads)
  const whole = readOf(requestOf(joined(texts)))
  const at = 2 + 2 * random.below(pairs + 1)
  const [name = 'blksize', value = '8'] = texts.slice(at, at + 2)
  const [before, after] = [texts.slice(0, at), texts.slice(at + 2)]
  const any = () =>
    Buffer.from(random.octets(random.below(12)).filter((octet) => octet !== 0)).toString('latin1')
  const text = random.pick([
    () => joined([...before, name, any(), ...after]),
    () => joined([...before, any(), value, ...after]),
    () => joined([...before, '', value, ...after]),
    () => joined([...before, name, `00${value}`, ...after]),
    () => joined([...before, name, value, name, any(), ...after]),
    () => joined([...before, name, '9'.repeat(random.below(500)), ...after]),
    () => `${joined(before)}${name}\0`,
    () => `${joined(before)}${name}\0${value}`,
    () => `${joined(before)}${name}`,
    () => joined(texts) + '\0'.repeat(random.below(40)),
    () => joined(texts) + any(),
  ])()
  const input = requestOf(text)
  const isSame = () => {
    const read = readOf(input)
    const kept = new Set(before.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase()))
    const granted = [...(whole?.granted ?? [])].filter(([each]) => kept.has(each))
    return read?.name === whole?.name && granted.every(([each, text]) => read?.granted.get(each) === text)
  }
  return { input, holds: isSame }
})
