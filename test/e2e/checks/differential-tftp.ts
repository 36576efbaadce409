/** Sends the same TFTP requests to tftpd-hpa and to slipway, and compares every answer. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodePacket } from '../../../src/proto/tftp/packet.ts'
import { addresses } from '../network.ts'
import { peerAddress } from '../peers/address.ts'
import { compareAnswers, type Fields } from '../peers/differences.ts'
import { startTftpd } from '../peers/tftpd.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { sha256 } from '../site.ts'
import type { TftpResult } from '../stubs/tftp-requests.ts'
import { addClientAddress, runStub, waitUntil } from './client.ts'
import { tftpDifferences, tftpFiles, tftpQuestions, type TftpQuestion } from './differential-tftp-cases.ts'
import { reload } from './reload.ts'

export const differentialTftpChecks: readonly Check[] = [
  {
    name: 'differential: slipway answers TFTP requests like tftpd-hpa, except for listed differences',
    limitMs: 120_000,
    async run(rig) {
      await addClientAddress(rig)
      const root = await createRoot(rig)
      const tftpd = await startTftpd(rig, root)
      try {
        await reload(rig, { tftp: `{ root: ${JSON.stringify(root)} }` })
        const isReady = async () =>
          (await ask(rig, peerAddress, tftpQuestions.slice(0, 1)))[0]?.answers.length === 1
        await waitUntil('tftpd-hpa', isReady)
        const theirs = await ask(rig, peerAddress, tftpQuestions)
        const ours = await ask(rig, addresses.server, tftpQuestions)
        const comparisons = tftpQuestions.map(({ name }, index) => ({
          question: name,
          ours: fieldsOf(ours[index]),
          theirs: fieldsOf(theirs[index]),
        }))
        return compareAnswers(comparisons, tftpDifferences)
      } finally {
        await tftpd.stop()
        await reload(rig)
      }
    },
  },
]

async function createRoot(rig: Rig): Promise<string> {
  const root = join(rig.dir, 'tftp-root')
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'sub', 'empty'), { recursive: true })
  for (const [name, content] of Object.entries(tftpFiles)) await writeFile(join(root, name), content)
  return root
}

async function ask(
  rig: Rig,
  address: string,
  questions: readonly TftpQuestion[],
): Promise<readonly TftpResult[]> {
  const cases = questions.map(({ packet, then }) => ({
    packet: Buffer.from(packet, 'latin1').toString('hex'),
    then,
  }))
  return (await runStub(rig, 'tftp-requests', address, cases)) as readonly TftpResult[]
}

function fieldsOf(result: TftpResult | undefined): Fields {
  const [first, again] = (result?.answers ?? []).map((hex) => answerFields(Buffer.from(hex, 'hex')))
  const repeated = Object.entries(again ?? {}).map(([name, value]) => [`repeated ${name}`, value] as const)
  return {
    answer: 'none',
    ...first,
    ...Object.fromEntries(repeated),
    ...(result?.file && { file: Object.values(result.file).join(' ') }),
  }
}

/** Error messages are free text. */
function answerFields(octets: Buffer): Fields {
  const packet = decodePacket(octets)
  switch (packet.kind) {
    case 'oack':
      return {
        answer: 'OACK',
        options: [...packet.options.keys()].join(' '),
        ...Object.fromEntries([...packet.options].map(([name, value]) => [`option ${name}`, value])),
      }
    case 'data':
      return {
        answer: `DATA ${packet.block}`,
        data: `${packet.payload.length} ${sha256(packet.payload).slice(0, 8)}`,
      }
    case 'error':
      return { answer: 'ERROR', code: String(packet.code) }
    default:
      return { answer: packet.kind }
  }
}
