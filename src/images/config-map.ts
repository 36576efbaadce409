/**
 * The ConfigMap coreos-bootimages of a cluster: one stream document, and from OpenShift 4.22 on several, one for each
 * operating system (`rhel-9`, `rhel-10`). Pure; the text is not trusted.
 */
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import { z } from 'zod'
import { ImageProblem } from './codes.ts'

/** `document` is a parsed stream document, or anything else. */
export type ChosenStream = {
  readonly document: unknown
  /** Set if the ConfigMap has several streams. The name is unknown if the default is none of them. */
  readonly choice?: { readonly taken: string | undefined; readonly others: readonly string[] }
}

const configMap = z.object({
  kind: z.literal('ConfigMap'),
  data: z.object({ stream: z.string().optional(), streams: z.unknown().optional() }),
})

/**
 * Returns the default stream, or the only one, if none is requested. Text without a ConfigMap is returned as it is.
 *
 * @param requested name of a stream, as for `openshift-install coreos print-stream-json --stream`
 * @throws {ImageProblem} when the requested stream is missing, or one must be requested
 */
export function chooseStream(text: string, requested?: string): ChosenStream {
  const value = parseText(text)
  const wrapped = configMap.safeParse(value)
  if (!wrapped.success) return { document: nameRequired(value, requested) }
  const { stream, streams } = wrapped.data.data
  const fallback = stream === undefined ? undefined : parseText(stream)
  const byName = new Map(Object.entries(objectOf(streams)).map(([name, each]) => [name, objectOf(each)]))
  if (byName.size === 0) return { document: nameRequired(fallback, requested) }
  const taken =
    requested ?? nameOfDefault(byName, fallback) ?? (byName.size === 1 ? [...byName.keys()][0] : undefined)
  const document = taken === undefined ? fallback : byName.get(taken)
  const names = [...byName.keys()]
  if (document === undefined) {
    const reason = requested === undefined ? 'has several streams' : `has no stream ${requested}`
    throw missingStream(`the ConfigMap ${reason}: choose one of ${names.join(', ')} with --stream`)
  }
  const others = names.filter((name) => name !== taken)
  return others.length === 0 ? { document } : { document, choice: { taken, others } }
}

function nameOfDefault(byName: ReadonlyMap<string, unknown>, fallback: unknown): string | undefined {
  return [...byName].find(([, each]) => isDeepStrictEqual(each, fallback))?.[0]
}

/** A document without a ConfigMap is the requested stream if it has that name. */
function nameRequired(document: unknown, requested: string | undefined): unknown {
  const name = z.object({ stream: z.string() }).safeParse(document).data?.stream
  if (requested === undefined || name === requested) return document
  const only = name === undefined ? 'no named stream' : `only the stream ${name.slice(0, 100)}`
  throw missingStream(`the document has no stream ${requested}, ${only}`)
}

function missingStream(message: string): ImageProblem {
  return new ImageProblem('image.stream-without-image', message)
}

/** Values are JSON in JSON, or JSON in YAML. */
function objectOf(value: unknown): object {
  const parsed = typeof value === 'string' ? parseText(value) : value
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {}
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // As `oc get configmap -o yaml` prints it. Aliases are refused, because they can expand a small text to a huge one.
    try {
      return parse(text, { maxAliasCount: 0, logLevel: 'error' })
    } catch {
      return undefined
    }
  }
}
