/** A machine configuration of Talos: what Talos rejects most often, as "talosctl validate --mode metal" reports it. Pure. */
import { isOtherDisk } from './disk-name.ts'
import type { Review } from './review.ts'
import { readInstallerYaml, valueAt } from './yaml.ts'

const generate = 'copy the file that "talosctl gen config" wrote'

export function reviewTalos(text: string, disk: string | undefined): Review {
  const { documents, problems } = readInstallerYaml(text)
  if (problems.length > 0) return { problems }
  const document = documents.find(({ value }) => valueAt(value, 'machine') !== undefined)
  if (document === undefined)
    return { problems: [{ line: 1, problem: `the section machine is missing: ${generate}` }] }
  const { value, lineOf } = document
  const installLine = lineOf('machine', 'install', 'disk')
  const given = valueAt(value, 'machine', 'install', 'disk')
  const selector = valueAt(value, 'machine', 'install', 'diskSelector')
  const trusted = [valueAt(value, 'machine', 'ca', 'crt'), valueAt(value, 'machine', 'acceptedCAs')]
  return {
    problems: [
      ...(isFilled(given) || selector !== undefined
        ? []
        : [{ line: installLine, problem: 'machine.install has no disk: write disk: "{{node.disk}}"' }]),
      ...(typeof given === 'string' && isOtherDisk(given, disk)
        ? [
            {
              line: installLine,
              problem: `machine.install.disk is ${given}, but the site file has disk: ${disk}: write disk: "{{node.disk}}"`,
            },
          ]
        : []),
      ...(trusted.some(isFilled)
        ? []
        : [{ line: lineOf('machine', 'ca', 'crt'), problem: `machine.ca.crt is empty: ${generate}` }]),
    ],
  }
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : typeof value === 'string' && value !== ''
}
