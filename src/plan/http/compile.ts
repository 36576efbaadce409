/** Compiles the plan of HTTP from its three parts: scripts, Ignition files, and images. */
import { formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import { defined } from '../../text/defined.ts'
import type { FileFact } from '../facts.ts'
import type { PlanFinding } from '../findings.ts'
import type { Model } from '../model.ts'
import { urlPaths } from '../urls.ts'
import { compileIgnition } from './ignition.ts'
import { compileImages } from './images.ts'
import type { HttpPlan, WholeFile } from './plan.ts'
import { runSteps } from '../steps.ts'
import { compileScripts } from './scripts.ts'

type Compiled = { readonly plan: HttpPlan; readonly findings: readonly PlanFinding[] }

export function compileHttp(model: Model): Compiled {
  return runSteps(httpSteps(model))
}

export function* httpSteps(model: Model): Generator<void, Compiled> {
  const { endpoint, nodes, facts } = model
  const scripts = yield* compileScripts(model)
  yield
  const ignition = compileIgnition(model)
  yield
  const images = compileImages(model)
  return {
    plan: {
      address: formatIpv4(endpoint.address),
      address6: endpoint.address6,
      port: endpoint.ports.http,
      scripts: scripts.scripts,
      ignition: ignition.files,
      nodes: ignition.nodes,
      loaders: new Map([...facts.loaders].map(([name, fact]) => [urlPaths.loader(name), loaderFile(fact)])),
      images: images.directories,
      nodeByAddress: new Map(
        nodes.flatMap(({ addresses, key }) => addresses.map((each) => [formatIp(each), key])),
      ),
    },
    findings: [...scripts.findings, ...ignition.findings, ...images.findings],
  }
}

function loaderFile(fact: FileFact): WholeFile {
  return { file: fact.path, ...defined({ problem: fact.kind === 'missing' ? fact.problem : undefined }) }
}
