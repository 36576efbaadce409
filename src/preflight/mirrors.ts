/**
 * The registries of a disconnected site, as install-config.yaml names them: their names for the nodes, certificates,
 * credentials, and whether they have the repositories (OCI distribution specification).
 */
import { forwardZoneNames, enclosingZone } from '../site/declared.ts'
import { parseIp } from '../proto/address/ip.ts'
import { failure, ok, warning, type Check, type CheckContext, type Finding } from './check.ts'
import type { Registries, Repository } from './install-config.ts'

/** The repositories of a release that nodes pull from. */
const needed = ['quay.io/openshift-release-dev/ocp-release', 'quay.io/openshift-release-dev/ocp-v4.0-art-dev']
/** A cluster lives longer than its installation. */
const soonMs = 30 * 24 * 3_600_000

export const mirrorsCheck: Check = {
  name: 'mirrors',
  async run(context) {
    const { mirrors } = context
    if (mirrors === undefined) return []
    const repositories = mirrors.sources.flatMap((each) => each.mirrors)
    if (repositories.length === 0) return [ok('install-config.yaml has no mirrors')]
    const byRegistry = [...Map.groupBy(repositories, ({ registry }) => registry)]
    const checked = byRegistry.map(([registry, own]) => checkRegistry(context, mirrors, registry, own))
    return [...missingSources(mirrors), ...(await Promise.all(checked)).flat()]
  },
}

function missingSources({ sources }: Registries): Finding[] {
  return needed
    .filter((each) => !sources.some(({ source }) => each === source || each.startsWith(`${source}/`)))
    .map((each) => warning('preflight.mirror-incomplete', `install-config.yaml has no mirror of ${each}`))
}

async function checkRegistry(
  context: CheckContext,
  { trustBundle, credentials }: Registries,
  registry: string,
  repositories: readonly Repository[],
): Promise<Finding[]> {
  const name = nameProblem(context, registry)
  const authorization = credentials.get(registry)
  const ask = (path: string) =>
    context.probes.registry(`https://${registry}/v2/${path}`, { trustBundle, authorization })
  const { status, problem, isCertificate, expiresAt } = await ask('')
  if (problem !== undefined) {
    const code = isCertificate === true ? 'preflight.registry-certificate' : 'preflight.mirror-unreachable'
    return [...name, failure(code, `${registry}: ${problem}`)]
  }
  const expiry = expiresAt === undefined ? [] : expiryFinding(context, registry, expiresAt)
  if (status === 401 || status === 403) {
    const text =
      authorization === undefined
        ? `${registry} needs a password, and pullSecret has none for it`
        : `${registry} refuses the password in pullSecret`
    return [...name, ...expiry, failure('preflight.pull-secret-refused', text)]
  }
  if (status !== 200) {
    const text = `${registry} answers /v2/ with status ${status}: it is not a registry`
    return [...name, ...expiry, failure('preflight.mirror-unreachable', text)]
  }
  const absent = await Promise.all(
    repositories.map(async ({ path }) => ((await ask(`${path}/tags/list`)).status === 404 ? [path] : [])),
  )
  const missing = [...new Set(absent.flat())].map((path) =>
    failure('preflight.mirror-incomplete', `${registry} has no repository ${path}`),
  )
  const found = missing.length === 0 ? [ok(`${registry} has the mirrored repositories`)] : []
  return [...name, ...expiry, ...missing, ...found]
}

/** Nodes ask slipway, which answers for its zones itself: there, a name without an entry does not exist. */
function nameProblem({ model: { site } }: CheckContext, registry: string): Finding[] {
  const name = registry.replace(/:\d+$/, '').toLowerCase()
  if (!site.dns.serve || parseIp(name) !== undefined) return []
  const zone = enclosingZone(name, new Set(forwardZoneNames(site)))
  const names = new Set([...site.hosts, ...site.dns.records].map((each) => each.name))
  if (zone === undefined || names.has(name)) {
    return zone !== undefined || site.dns.forward.length > 0
      ? []
      : [
          failure(
            'preflight.registry-name',
            `nodes cannot resolve ${name}: the site has no such name and no dns.forward`,
          ),
        ]
  }
  const wildcard = `*.${name.slice(name.indexOf('.') + 1)}`
  if (names.has(wildcard)) return []
  return [
    failure(
      'preflight.registry-name',
      `nodes cannot resolve ${name}: it is in the zone ${zone} of the site, which has no such name`,
    ),
  ]
}

function expiryFinding({ now }: CheckContext, registry: string, expiresAt: number): Finding[] {
  if (expiresAt - now > soonMs) return []
  const day = new Date(expiresAt).toISOString().slice(0, 10)
  return [warning('preflight.registry-certificate', `the certificate of ${registry} expires on ${day}`)]
}
