/** pykickstart, the parser of Anaconda, accepts the kickstart files that slipway sends. */
import { join } from 'node:path'
import { answerText, systemModel, systemNode } from '../../../support/systems.ts'
import { expectEqual, expectMatch } from '../../expect.ts'
import { run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { exampleModel, nodesWith, writeAnswer } from '../answer-files.ts'
import type { SystemsRig } from '../rig.ts'
import { pythonTools } from '../tools.ts'

const name = 'kickstart.cfg'
const answers = '/srv/answers/kickstart.cfg'

/** The same file with a static address, a mirror on this server, and a disk by its identity. */
const otherText = answerText(name)
  .replace(
    /^url .*/m,
    'url --url={{server.url}}/files/rocky/ --noverifyssl\nrepo --name=appstream --baseurl={{server.url}}/files/appstream/',
  )
  .replace(
    /^network .*/m,
    'network --bootproto=static --device={{node.mac}} --ip={{node.address}} --netmask={{node.netmask}} --gateway={{node.gateway}} --nameserver={{node.dns}} --hostname={{node.fqdn}} --activate',
  )

export const kickstartChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: ksvalidator accepts the kickstart files of the examples, for RHEL 8 to 10 and Fedora',
    limitMs: 900_000,
    async run({ siteDir }) {
      const { ksvalidator, ksvalidatorVersions } = await pythonTools()
      const dir = join(siteDir, 'kickstart')
      const paths: string[] = []
      for (const example of ['rhel', 'other-systems']) {
        const model = exampleModel(example)
        for (const node of nodesWith(model, 'rhel')) {
          paths.push(await writeAnswer(join(dir, example, node.name), model, node, name))
        }
      }
      const disk = '/dev/disk/by-id/nvme-eui.0025388b710116a1'
      const group = { answers, disk, wipe: 'always' }
      const other = systemModel({ os: 'rhel', group, texts: { [answers]: otherText } })
      paths.push(await writeAnswer(join(dir, 'other'), other, systemNode(other), name))
      for (const path of paths) {
        for (const version of ksvalidatorVersions) {
          const { status, stdout, stderr } = await run([...ksvalidator, '-e', '-v', version, path])
          expectEqual(status, 0, `ksvalidator -v ${version} ${path}: ${stdout}${stderr}`)
        }
      }
      return `${paths.length} files, ${ksvalidatorVersions.join(', ')}`
    },
  },
  {
    name: 'systems: ksvalidator rejects a kickstart file that is not complete',
    async run({ siteDir }) {
      const { ksvalidator } = await pythonTools()
      const texts = { [answers]: answerText(name).replace('%end\n\n%onerror', '\n%onerror') }
      const model = systemModel({ os: 'rhel', group: { answers }, texts })
      const path = await writeAnswer(join(siteDir, 'kickstart', 'open'), model, systemNode(model), name)
      const { status, stdout, stderr } = await run([...ksvalidator, '-v', 'RHEL9', path])
      expectEqual(status, 1, 'the exit status')
      return expectMatch(`${stdout}${stderr}`, /Section %pre does not end with %end/, 'ksvalidator')[0]
    },
  },
]
