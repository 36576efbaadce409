/**
 * Findings about the Ignition files of a plan at a given time. They are separate because compiling has no clock. The
 * installer's certificates are valid for a day, and the installation must finish before they expire (the OpenShift
 * guides recommend using the files within 12 hours).
 */
import { ignitionKinds, type InstallRole } from '../facts.ts'
import type { PlanFinding } from '../codes.ts'
import type { HttpPlan, IgnitionFile } from '../http/plan.ts'
import type { Plan } from '../compile.ts'
import { pluralize, formatAge } from '../../text/format.ts'
import { forEachStep, runSteps } from '../steps.ts'
import type { IgnitionAge, IgnitionContents } from './document.ts'

/** Returns the contents of a file that was read after the plan was compiled. */
export type CurrentContents = (path: string) => IgnitionContents | undefined

const noChanges: CurrentContents = () => undefined

/** @param now milliseconds since 1970 */
export function ignitionFindings(plan: Plan, now: number, current = noChanges): PlanFinding[] {
  return currentFiles(plan, current).flatMap((file) => [
    ...ageFindings(file, now),
    ...versionFindings(plan, file),
    ...contentFindings(file, now),
  ])
}

function currentFiles(plan: Plan, current: CurrentContents): IgnitionFile[] {
  return neededFiles(plan).map((file) => {
    const contents = current(file.file) ?? file.contents
    return contents === undefined ? file : { ...file, contents }
  })
}

export type IgnitionExpiry = {
  readonly cluster: string
  readonly kind: InstallRole
  /** When its first certificate expires, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** Returns the expiry of every file with certificates that a declared node installs with. */
export function ignitionExpiries(plan: Plan, current = noChanges): IgnitionExpiry[] {
  return currentFiles(plan, current).flatMap(({ node, kind, contents }) => {
    const expiresAt = contents?.firstToExpire?.notAfter
    return expiresAt === undefined ? [] : [{ cluster: node.slice(0, node.indexOf('/')), kind, expiresAt }]
  })
}

/** Returns each file that a declared node installs with. The files of an installed cluster may expire. */
export function neededFiles(plan: Pick<Plan, 'nodes' | 'http'>): readonly IgnitionFile[] {
  return runSteps(neededFileSteps(plan))
}

/** A plan never changes, and a search takes 40 ms for 5,000 nodes. */
const searched = new WeakMap<HttpPlan['ignition'], readonly IgnitionFile[]>()

/** Searches as {@link neededFiles} does, with a pause after each step, so that later calls only return the result. */
export function* neededFileSteps({
  nodes,
  http,
}: Pick<Plan, 'nodes' | 'http'>): Generator<void, readonly IgnitionFile[]> {
  const before = searched.get(http.ignition)
  if (before !== undefined) return before
  const ignitionOf = new Map<string, string>()
  yield* forEachStep(nodes, ({ boot, key, ignition }) => {
    if (boot !== 'local') ignitionOf.set(key, ignition)
  })
  const needed = new Map<string, IgnitionFile>()
  yield* forEachStep(http.ignition.values(), (file) => {
    if (ignitionOf.get(file.node) === file.kind) needed.set(file.file, file)
  })
  const files = [...needed.values()]
  searched.set(http.ignition, files)
  return files
}

function ageFindings({ node, kind, file, contents }: IgnitionFile, now: number): PlanFinding[] {
  if (contents === undefined) return []
  const age = checkIgnitionAge({ path: file, role: kind, ...contents }, now)
  if (age.kind === 'fresh') return []
  const severity = age.kind === 'expired' ? 'error' : 'warning'
  const code = age.kind === 'expired' ? 'ignition.expired' : 'ignition.ageing'
  return [{ code, severity, about: ownerOf(node, kind), message: age.sentence }]
}

function contentFindings({ node, kind, file, contents }: IgnitionFile, now: number): PlanFinding[] {
  if (contents === undefined) return []
  const { firstToExpire: first, usableUntil, unread, pointer, faults = [] } = contents
  const about = { severity: 'warning', about: ownerOf(node, kind) } as const
  const findings: PlanFinding[] = []
  const isReported = ages(kind) && first?.notAfter === usableUntil
  if (first !== undefined && first.notAfter <= now && !isReported) {
    const message = `${file} contains a certificate that expired at ${formatMinute(first.notAfter)}: ${first.subject} in ${first.where}`
    findings.push({ code: 'ignition.certificate-expired', ...about, message })
  }
  if (pointer !== undefined && isOwnPointer(node, kind, pointer)) {
    const message = `${file} contains more than a pointer to /config/${kind} of the cluster (${pointer.url}): slipway serves it unchanged, so update its certificate authority if the cluster replaces it`
    findings.push({ code: 'ignition.pointer-kept', ...about, message })
  }
  const [fault, ...more] = faults
  if (fault !== undefined) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    const message = `${file} is not accepted by Ignition, so the first boot would fail: ${fault}${others}; correct the file, or create it again with openshift-install`
    findings.push({ code: 'ignition.not-accepted', ...about, message })
  }
  if (unread > 0) {
    const parts = pluralize(unread, 'part')
    const message = `${file} contains ${parts} that look like certificates but cannot be read`
    findings.push({ code: 'ignition.certificate-unreadable', ...about, message })
  }
  return findings
}

type Versions = { readonly pattern: RegExp; readonly text: string }

/** Ignition 0.x, in RHCOS of 4.1 to 4.5. */
const oldRhcos: Versions = { pattern: /^2\./, text: '2.x' }
/** Ignition 2.x in RHCOS of 4.6 and later; the machine config operator writes 3.5 at most. */
const rhcos: Versions = { pattern: /^3\.[0-5]\.\d+$/, text: '3.0 to 3.5' }
/** All versions that this program knows; 3.6.0 is stable since Ignition 2.26.0. */
const known: Versions = { pattern: /^(?:2\.|3\.[0-6]\.\d+$)/, text: '2.x, 3.0 to 3.6' }

/** Compares the version with the images of the nodes that install with the file, because slipway serves it unchanged. */
function versionFindings({ nodes, http }: Plan, { node, kind, file, contents }: IgnitionFile): PlanFinding[] {
  if (contents === undefined) return []
  const { version } = contents
  const owner = ownerOf(node, kind)
  const users = nodes.filter(({ key, ignition }) => ignition === kind && ownerOf(key, kind) === owner)
  const found = [...new Set(users.map(({ image }) => image))].flatMap((image): PlanFinding[] => {
    // A node that boots the script of another installer can have no image.
    const versions = versionsOf([...(http.images.get(image)?.files.keys() ?? [])])
    if (versions === undefined || versions.pattern.test(version)) return []
    const message = `${file} has Ignition version ${version}, but image ${image} reads ${versions.text}: create the file with the openshift-install of the release of the image`
    return [{ code: 'ignition.version-unsupported', severity: 'warning', about: owner, message }]
  })
  if (found.length > 0 || known.pattern.test(version)) return found
  const message = `${file} has Ignition version ${version}, which this program does not know (${known.text}): slipway serves it unchanged, so check that the image reads it`
  return [{ code: 'ignition.version-unknown', severity: 'warning', about: owner, message }]
}

/** Returns the versions that an image reads, by the names of its files; undefined if this program does not know the image. */
function versionsOf(files: readonly string[]): Versions | undefined {
  if (!files.some((file) => file.startsWith('rhcos-'))) return undefined
  return files.some((file) => file.includes('-installer-')) ? oldRhcos : rhcos
}

/** The cluster's own pointer replaces only a plain one to the same pool and server (src/cluster/ignition.ts). */
function isOwnPointer(
  node: string,
  kind: InstallRole,
  { url, isPlain }: NonNullable<IgnitionContents['pointer']>,
): boolean {
  if (ages(kind)) return false
  if (!isPlain || !URL.canParse(url)) return true
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const isServer = isAddress.test(hostname) || hostname.startsWith(`api-int.${node.split('/')[0]}.`)
  const isPool = pathname === `/config/${kind}` && search === ''
  return !(protocol === 'https:' && port === '22623' && isServer && isPool)
}

const isAddress = /^(?:[\d.]+|\[.*\])$/

/** @param kind the system of a machine without a cluster, or the role of a node */
function ownerOf(node: string, kind: InstallRole): string {
  const word = ignitionKinds.some((each) => each === kind) ? 'cluster' : 'group'
  return `${word} ${node.slice(0, node.indexOf('/'))}`
}

type IgnitionAgeCheck = {
  /** `ageing`: an installation that starts now might not finish in time. `expired`: it cannot succeed. */
  readonly kind: 'fresh' | 'ageing' | 'expired'
  /** A sentence without a full stop, with what to do if something must be done. */
  readonly sentence: string
}

const hourMs = 3_600_000
const ageingMs = 12 * hourMs
const expiredMs = 24 * hourMs

/** Reports whether the files of a role contain the certificates that an installation needs. The others are pointers. */
function ages(role: InstallRole): boolean {
  return role === 'bootstrap' || role === 'single'
}

/** @param now milliseconds since 1970 */
export function checkIgnitionAge(
  file: IgnitionAge & { readonly path: string; readonly role: InstallRole },
  now: number,
): IgnitionAgeCheck {
  const { path, role, madeAt } = file
  const end = validUntil(file)
  if (!ages(role) || madeAt === undefined || end === undefined) {
    return {
      kind: 'fresh',
      sentence: `${path} has no short-lived certificate of the installer, so it does not expire`,
    }
  }
  const age = `${path} was created ${formatAge(now - madeAt)} ago`
  if (now >= end) {
    return { kind: 'expired', sentence: `${age} and expired at ${formatMinute(end)}: ${remedy(path)}` }
  }
  const left = end - now
  if (now - madeAt < ageingMs && left > expiredMs - ageingMs) {
    return { kind: 'fresh', sentence: `${age} and is valid until ${formatMinute(end)}` }
  }
  return {
    kind: 'ageing',
    sentence: `${age} and expires at ${formatMinute(end)}, in ${formatAge(left)}: start the installation soon, or ${remedy(path)}`,
  }
}

/**
 * Returns when the file expires, in milliseconds since 1970; undefined if it does not. Certificates can be older than
 * their file, because `create manifests` creates them and `create ignition-configs` reuses them.
 */
export function validUntil({ madeAt, usableUntil }: IgnitionAge): number | undefined {
  if (madeAt === undefined || usableUntil === undefined) return undefined
  return Math.min(usableUntil, madeAt + expiredMs)
}

/** A new directory is needed, because the installer reuses what is in the old one, including certificates. */
function remedy(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'))
  return `copy install-config.yaml into a new directory, run \`openshift-install create ignition-configs --dir=…\` with that directory, and copy the *.ign files to ${folder}`
}

/** Formats a time: `2026-11-22 06:00 UTC`. */
export function formatMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
