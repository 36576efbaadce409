/** Reads what install-config.yaml declares about registries: mirrors, the certificates of their CA, and the pull secret. */
import { parse } from 'yaml'
import { z } from 'zod'

/** A registry and a repository in it: `mirror.example.net:5000`, `openshift/release`. */
export type Repository = { readonly registry: string; readonly path: string }

export type Registries = {
  /** Repositories that have mirrors, with these in order. */
  readonly sources: readonly { readonly source: string; readonly mirrors: readonly Repository[] }[]
  /** PEM certificates; absent if nodes trust only the authorities of the release. */
  readonly trustBundle?: string
  /** The value of HTTP Basic authentication in base64, by registry. */
  readonly credentials: ReadonlyMap<string, string>
}

const source = z.looseObject({ source: z.string(), mirrors: z.array(z.string()).default([]) })
const document = z.looseObject({
  pullSecret: z.string().optional(),
  additionalTrustBundle: z.string().optional(),
  imageContentSources: z.array(source).default([]),
  imageDigestSources: z.array(source).default([]),
})
const pullSecret = z.looseObject({
  auths: z.record(z.string(), z.looseObject({ auth: z.string().optional() })),
})

/** @throws {Error} for text that is not an install-config.yaml; the message contains no secret */
export function readInstallConfig(text: string): Registries {
  const { data } = document.safeParse(readYaml(text))
  if (data === undefined)
    throw new Error('is not an install-config.yaml: check pullSecret and imageDigestSources')
  const { additionalTrustBundle: trustBundle } = data
  const all = [...data.imageDigestSources, ...data.imageContentSources]
  return {
    sources: all.map(({ source, mirrors }) => ({ source, mirrors: mirrors.map(repositoryOf) })),
    credentials: credentialsIn(data.pullSecret),
    ...(trustBundle !== undefined && { trustBundle }),
  }
}

function readYaml(text: string): unknown {
  try {
    return parse(text)
  } catch {
    // The message of the parser quotes lines, which can contain a secret.
    throw new Error('is not valid YAML: correct it')
  }
}

function credentialsIn(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return new Map()
  try {
    const { auths } = pullSecret.parse(JSON.parse(text))
    return new Map(
      Object.entries(auths).flatMap(([registry, { auth }]) => (auth === undefined ? [] : [[registry, auth]])),
    )
  } catch {
    throw new Error(
      'has a pullSecret that is not a JSON document with auths: copy it from the console of Red Hat again',
    )
  }
}

function repositoryOf(reference: string): Repository {
  const slash = reference.indexOf('/')
  return slash === -1
    ? { registry: reference, path: '' }
    : { registry: reference.slice(0, slash), path: reference.slice(slash + 1) }
}
