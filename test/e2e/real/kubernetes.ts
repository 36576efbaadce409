/**
 * Builds the programs of Kubernetes with a Go module of our own that imports their packages through the Go module proxy.
 * k8s.io/kubernetes requires its staging modules in version v0.0.0, so each of them is replaced.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cached } from './cache.ts'

export const kubernetesVersion = '1.34.4'

export type Kubernetes = Readonly<Record<'apiServer' | 'controllerManager' | 'kubelet' | 'kubectl', string>>

type Program = { readonly package: string; readonly command: string; readonly imports?: string }

const programs: Readonly<Record<string, Program>> = {
  'kube-apiserver': {
    package: 'k8s.io/kubernetes/cmd/kube-apiserver/app',
    command: 'app.NewAPIServerCommand()',
  },
  'kube-controller-manager': {
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager/app',
    command: 'app.NewControllerManagerCommand()',
  },
  kubelet: {
    package: 'k8s.io/kubernetes/cmd/kubelet/app',
    command: 'app.NewKubeletCommand(context.Background())',
    imports: '"context"',
  },
  kubectl: { package: 'k8s.io/kubectl/pkg/cmd', command: 'app.NewDefaultKubectlCommand()' },
}

const staging =
  `api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
  code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib
  dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy
  kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin
  sample-controller`.split(/\s+/)

const moduleFile = `\
module slipway-e2e

go 1.24.0

require k8s.io/kubernetes v${kubernetesVersion}

replace (
${staging.map((name) => `	k8s.io/${name} => k8s.io/${name} v0${kubernetesVersion.slice(1)}`).join('\n')}
)
`

const mainFile = ({ package: path, command, imports = '' }: Program): string => `\
package main

import (
	"os"

	${imports}
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	app "${path}"
)

func main() { os.Exit(cli.Run(${command})) }
`

const minutes = 60_000

export async function buildKubernetes(): Promise<Kubernetes> {
  const sources = Object.entries(programs).map(([name, program]) => [name, mainFile(program)] as const)
  const dir = await cached({
    name: `kubernetes-${kubernetesVersion}`,
    inputs: [moduleFile, ...sources.flat()],
    async build(work) {
      await writeFile(join(work, 'go.mod'), moduleFile)
      for (const [name, text] of sources) {
        await mkdir(join(work, 'cmd', name), { recursive: true })
        await writeFile(join(work, 'cmd', name, 'main.go'), text)
      }
      await output(['go', 'mod', 'tidy'], { cwd: work, limitMs: 20 * minutes })
      const version = 'k8s.io/component-base/version'
      const [major = '', minor = ''] = kubernetesVersion.split('.')
      const flags = [
        ...['-s', '-w', '-X', `${version}.gitVersion=v${kubernetesVersion}`],
        ...['-X', `${version}.gitMajor=${major}`, '-X', `${version}.gitMinor=${minor}`],
      ]
      for (const [name] of sources) {
        const options = ['-o', join('bin', name), '-ldflags', flags.join(' ')]
        // Without cgo, because the kubelet runs with the C library of another release of Debian.
        const build = ['env', 'CGO_ENABLED=0', 'go', 'build', ...options, `./cmd/${name}`]
        await output(build, { cwd: work, limitMs: 40 * minutes })
      }
    },
  })
  const program = (name: string): string => join(dir, 'bin', name)
  return {
    apiServer: program('kube-apiserver'),
    controllerManager: program('kube-controller-manager'),
    kubelet: program('kubelet'),
    kubectl: program('kubectl'),
  }
}
