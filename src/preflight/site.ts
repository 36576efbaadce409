/** The site itself: what `slipway check` finds, the configuration of HAProxy, and the checksums of the images. */
import type { Integrity } from '../images/manifest.ts'
import { renderHaproxy } from '../plan/haproxy/render.ts'
import { agentFindings } from '../plan/agent-age.ts'
import { ignitionFindings } from '../plan/ignition/findings.ts'
import type { Finding as PlanFinding } from '../text/codes.ts'
import { pluralize } from '../text/format.ts'
import { failure, ok, warning, type Check, type Finding } from './check.ts'

export const siteCheck: Check = {
  name: 'site',
  run({ model, plan, now }) {
    const findings = [...plan.findings, ...ignitionFindings(plan, now), ...agentFindings(model, now)]
    if (findings.length > 0) return findings.map(fromPlan)
    return [ok(`all files of ${pluralize(plan.nodes.length, 'node')} are there`)]
  },
}

/** The message of a finding ends with what to do. */
function fromPlan({ severity, code, about, message }: PlanFinding): Finding {
  const status = severity === 'error' ? 'failure' : 'warning'
  return { status, code, text: `${about}: ${message}` }
}

export const haproxyCheck: Check = {
  name: 'haproxy',
  async run({ plan: { haproxy }, probes }) {
    if (haproxy === undefined) return [ok('the site does not use HAProxy')]
    const { kind, reason } = await probes.validateHaproxy(renderHaproxy(haproxy), haproxy)
    if (kind === 'done') return [ok('HAProxy accepts the configuration')]
    if (kind === 'missing') {
      return [
        {
          ...warning('preflight.not-checked', 'HAProxy is not installed here'),
          code: 'haproxy.not-validated',
        },
      ]
    }
    return [
      {
        status: 'failure',
        code: 'haproxy.config-rejected',
        text: `HAProxy rejects the configuration: ${reason}`,
      },
    ]
  },
}

/** Many releases have no signatures, so their absence is not a warning. */
function wholeImage(name: string, { files, signing }: Extract<Integrity, { kind: 'whole' }>): Finding {
  const text = `${name}: ${pluralize(files, 'file')} with the correct checksum`
  switch (signing.kind) {
    case 'signed':
      return ok(`${text}, signed with ${signing.keys.join(' and ')}`)
    case 'not-verified':
      return ok(`${text}; signatures not verified: ${signing.reason}`)
    case 'wrong':
      return failure('preflight.image-signature-wrong', `${name}: ${signing.problems.join('; ')}`)
  }
}

export const imagesCheck: Check = {
  name: 'images',
  async run({ model, probes }) {
    const used = new Set(model.nodes.map(({ image }) => image))
    const images = Object.entries(model.site.images).filter(([name]) => used.has(name))
    const findings = await Promise.all(
      images.map(async ([name, { dir }]): Promise<Finding[]> => {
        const integrity = await probes.verifyImage(dir)
        switch (integrity?.kind) {
          case undefined: // the check of the site reports it
            return []
          case 'whole':
            return [wholeImage(name, integrity)]
          case 'damaged':
            return integrity.problems.map((text) => failure('preflight.image-damaged', text))
          case 'unknown':
            return [warning('preflight.image-unverified', `${name} in ${dir} has no checksums`)]
        }
      }),
    )
    const all = findings.flat()
    return all.length > 0 ? all : [ok('there is no image to verify')]
  },
}
