/** Finds the kernel arguments in a boot script. Pure. */

/** Returns the arguments in the first line `kernel`, up to the command that follows a failure. */
export function kernelArguments(script: string): string[] {
  const line = script.split('\n').find((each) => /^\s*kernel\s/.test(each)) ?? ''
  const [command = ''] = line.split('||')
  return command.trim().split(/\s+/).slice(2)
}
