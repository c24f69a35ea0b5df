// Calls a function of a module of the page, for tests: values that JSON lacks are marked.
async ([module, name, args]) => {
    const { parseProfile } = await import("/browser/icc.js");
    const arrays = { f: Float32Array, d: Float64Array, u: Uint8ClampedArray };
    const from = (value) => {
        if (Array.isArray(value)) return value.map(from);
        if (!value || typeof value !== "object") return value;
        if (value.bytes) return Uint8Array.from(value.bytes);
        if (value.profile?.length) return parseProfile(Uint8Array.from(value.profile), value.channels);
        if (value.kind) return arrays[value.kind].from(value.values);
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, from(v)]));
    };
    const to = async (value) => {
        if (value instanceof Blob) value = new Uint8Array(await value.arrayBuffer());
        if (ArrayBuffer.isView(value)) return Array.from(value);
        if (Array.isArray(value)) return Promise.all(value.map(to));
        if (!value || typeof value !== "object") return value;
        const entries = Object.entries(value).filter(([, v]) => typeof v !== "function");
        return Object.fromEntries(await Promise.all(entries.map(async ([k, v]) => [k, await to(v)])));
    };
    const made = (await import(`/browser/${module}`))[name];
    return to(typeof made === "function" ? await made(...from(args)) : Object.keys(made));
}
