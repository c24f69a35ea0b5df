// The network on ONNX Runtime Web: WebGPU where the browser has it, else WebAssembly.

// url: of the folder with onnxruntime/ and model/; pipeline: model/pipeline.json
// { provider, predict(inputs) }; a graphics card that fails is given up for WebAssembly.
export async function loadNetwork(url, pipeline) {
  const model = await bytesOf(new URL(pipeline.model, url));
  const create = (provider) => createSession(url, model, provider);
  let loaded = (await hasWebGpu()) ? await create("webgpu").catch(() => null) : null;
  loaded ??= await create("wasm").catch((error) => {
    throw new Error(`the network cannot be loaded (${error.message})`);
  });
  return {
    provider: loaded.provider,
    async predict(inputs) {
      try {
        return await predict(loaded, inputs);
      } catch (error) {
        if (loaded.provider === "wasm") throw error;
        loaded = await create("wasm");
        return predict(loaded, inputs);
      }
    },
  };
}

async function bytesOf(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) throw new Error("the model cannot be loaded; reload the page");
  return new Uint8Array(await response.arrayBuffer());
}

// The build with WebGPU suspends WebAssembly while the graphics card works (JSPI).
async function hasWebGpu() {
  if (!("Suspending" in WebAssembly)) return false;
  return Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
}

async function createSession(url, model, provider) {
  const build = provider === "webgpu" ? "ort.jspi.min.mjs" : "ort.wasm.min.mjs";
  const folder = new URL("onnxruntime/", url).href;
  const runtime = await import(folder + build);
  runtime.env.wasm.wasmPaths = folder;
  runtime.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  runtime.env.logLevel = "error";
  const session = await runtime.InferenceSession.create(model, { executionProviders: [provider] });
  return { provider, runtime, session };
}

// The prediction, of the size of inputs.reference: the mean over the image and its rotation if the
// inputs hold both. Unclipped sRGB.
async function predict({ runtime, session }, { levels, reference }) {
  const feeds = Object.fromEntries(
    levels.map(({ dims, data }, k) => [session.inputNames[k], new runtime.Tensor("float32", data, dims)]),
  );
  const { [session.outputNames[0]]: output } = await session.run(feeds);
  return meanOfViews(output, reference);
}

export function meanOfViews({ dims: [views, , rows, columns], data }, { width, height }) {
  const plane = rows * columns;
  const result = new Float32Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3)
      for (let c = 0; c < 3; c++) {
        const value = data[c * plane + y * columns + x];
        if (views === 1) result[at + c] = value;
        else result[at + c] = (value + data[(3 + c) * plane + (height - 1 - y) * columns + (width - 1 - x)]) / 2;
      }
  return { width, height, channels: 3, data: result };
}
