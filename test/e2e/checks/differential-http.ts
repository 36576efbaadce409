/** Sends the same HTTP requests to nginx and to slipway, and compares every response. */
import { readdir } from 'node:fs/promises'
import { addresses } from '../network.ts'
import { peerAddress } from '../peers/address.ts'
import { compareAnswers, type Fields } from '../peers/differences.ts'
import { startNginx } from '../peers/nginx.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import type { HttpCase, HttpResponse, HttpResult } from '../stubs/http-requests.ts'
import { addClientAddress, runStub, waitUntil } from './client.ts'
import { httpQuestions, type HttpContext } from './differential-http-cases.ts'
import { httpDifferences } from './differential-http-list.ts'

export const differentialHttpChecks: readonly Check[] = [
  {
    name: 'differential: slipway responds to HTTP requests like nginx, except for listed differences',
    limitMs: 120_000,
    async run(rig) {
      await addClientAddress(rig)
      const nginx = await startNginx(rig)
      try {
        const name = (await readdir(rig.payload.imagesDir)).find((each) => each.includes('-initramfs')) ?? ''
        const path = `/images/${rig.site.image}/${name}`
        await waitUntil('nginx', async () => (await contextOf(rig, peerAddress, path)).etag !== '')
        const theirs = await ask(rig, await contextOf(rig, peerAddress, path))
        const ours = await ask(rig, await contextOf(rig, addresses.server, path))
        const comparisons = theirs.map((their, index) => ({
          question: their.name,
          ours: fieldsOf(ours[index]?.result),
          theirs: fieldsOf(their.result),
        }))
        return compareAnswers(comparisons, httpDifferences)
      } finally {
        await nginx.stop()
      }
    },
  },
]

/** Reads the validators of the file, which differ between servers. */
async function contextOf(rig: Rig, address: string, path: string): Promise<HttpContext> {
  const head = { text: `HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, methods: ['HEAD'], isHalfClosed: false }
  const results = await send(rig, address, [head]).catch(() => [])
  const headers = results[0]?.responses[0]?.headers ?? []
  const value = (wanted: string) => headers.find(([name]) => name === wanted)?.[1] ?? ''
  return {
    ...{ address, path, directory: path.slice(0, path.lastIndexOf('/') + 1) },
    ...{ etag: value('ETag'), modified: value('Last-Modified'), octets: Number(value('Content-Length')) },
  }
}

async function ask(
  rig: Rig,
  context: HttpContext,
): Promise<{ readonly name: string; readonly result: HttpResult | undefined }[]> {
  const questions = httpQuestions(context)
  const cases = questions.map(({ text, methods, isHalfClosed = false }): HttpCase => ({
    ...{ text, isHalfClosed },
    methods: methods ?? [text.slice(0, text.indexOf(' '))],
  }))
  const results = await send(rig, context.address, cases)
  return questions.map(({ name }, index) => ({ name, result: results[index] }))
}

async function send(rig: Rig, address: string, cases: readonly HttpCase[]): Promise<readonly HttpResult[]> {
  return (await runStub(rig, 'http-requests', address, cases)) as readonly HttpResult[]
}

function fieldsOf(result: HttpResult | undefined): Fields {
  const { responses = [], isClosed = false, rest = 0 } = result ?? {}
  const fields = responses.flatMap((response, index) =>
    Object.entries(responseFields(response)).map(
      ([name, value]) => [responses.length > 1 ? `${index + 1}. ${name}` : name, value] as const,
    ),
  )
  return {
    responses: String(responses.length),
    connection: isClosed ? 'closed' : 'open',
    rest: String(rest),
    ...Object.fromEntries(fields),
  }
}

/** The text of an error is free. */
function responseFields({ status, headers, octets, sha256 }: HttpResponse): Fields {
  const isError = / [45]/.test(status)
  return {
    status,
    ...Object.fromEntries(
      headers.map(([name, value]) => [`header ${name}`, normalized(name, value, isError)]),
    ),
    ...(isError ? { text: octets > 0 ? 'present' : 'absent' } : { body: `${octets} ${sha256.slice(0, 8)}` }),
  }
}

/** Dates, tags, and the texts of errors differ between servers. */
function normalized(name: string, value: string, isError: boolean): string {
  if (name === 'Date') return 'present'
  if (name === 'ETag') return value.startsWith('W/') ? 'weak' : 'strong'
  return isError && /^Content-(?:Length|Type)$/.test(name) ? 'present' : value
}
