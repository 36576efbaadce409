#!/usr/bin/env node
// The entry point. It is plain JavaScript that any Node.js can read, so that an old Node.js gets one clear line.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 22 || (major === 22 && minor >= 18)) {
  // A checkout runs its source; packages contain only the compiled program.
  const source = new URL('../src/main.ts', import.meta.url)
  await import((existsSync(source) ? source : new URL('../dist/main.js', import.meta.url)).href)
} else {
  const launcher = fileURLToPath(new URL('slipway', import.meta.url))
  const hint = existsSync(launcher)
    ? `run ${launcher}, which uses its own Node.js`
    : 'install a later Node.js'
  console.error(`slipway needs Node.js 22.18 or later, and this is ${process.versions.node}: ${hint}`)
  process.exitCode = 1
}
