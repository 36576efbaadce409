/** Runs one computation in a worker thread, so that it does not delay the services. */
import { Worker } from 'node:worker_threads'

export type WorkerProgram = {
  /** `import.meta.url` of the caller. */
  readonly url: string
  /** Path of the worker relative to the caller, without extension. It sends one message, the result. */
  readonly name: string
  /** Maximum size of its heap. */
  readonly maxMebibytes: number
}

/**
 * @returns undefined if the worker needs more memory
 * @throws {Error} if it fails in another way
 */
export function runInWorker<Result>(program: WorkerProgram, data: unknown): Promise<Result | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Result | undefined>()
  const worker = new Worker(workerUrl(program), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: program.maxMebibytes },
  })
  worker.once('message', (result: Result) => {
    resolve(result)
    // Its heap is large, and the end of its event loop would keep it for longer.
    void worker.terminate()
  })
  worker.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve(undefined)
    else reject(error)
  })
  worker.once('exit', (code) => reject(new Error(`${program.name} ended with ${code}`)))
  return promise
}

/** In the built program, the caller and the worker are JavaScript. */
export function workerUrl({ url, name }: Pick<WorkerProgram, 'url' | 'name'>): URL {
  return new URL(name + (url.endsWith('.ts') ? '.ts' : '.js'), url)
}
