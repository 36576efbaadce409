/** The custom resources of OpenShift that slipway reads, as its own releases define them: from openshift/api, through the Go module proxy. */
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cached } from './cache.ts'

/** A commit of October 2025, when release 4.20 was made. */
const version = 'v0.0.0-20251015095338-264e80a2b6e7'

const manifests = [
  'config/v1/zz_generated.crd-manifests/0000_00_cluster-version-operator_01_clusteroperators.crd.yaml',
  'config/v1/zz_generated.crd-manifests/0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml',
  'operator/v1/zz_generated.crd-manifests/0000_12_etcd_01_etcds-Default.crd.yaml',
]

const fileOf = (index: number): string => `${index}.yaml`

/** Returns the manifests as one YAML text. */
export async function openshiftCrds(): Promise<string> {
  const dir = await cached({
    name: 'openshift-api',
    inputs: [version, ...manifests],
    async build(work) {
      const module = `github.com/openshift/api@${version}`
      const downloaded = await output(['go', 'mod', 'download', '-json', module], { limitMs: 300_000 })
      const { Dir: source } = JSON.parse(downloaded) as { Dir: string }
      for (const [index, manifest] of manifests.entries()) {
        await copyFile(join(source, manifest), join(work, fileOf(index)))
      }
    },
  })
  const texts = manifests.map((_, index) => readFile(join(dir, fileOf(index)), 'utf8'))
  return (await Promise.all(texts)).join('\n---\n')
}
