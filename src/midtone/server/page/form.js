// The controls of the correction and of the file, generated from the back end's parameters.
//
// A parameter becomes a slider, a switch, a list, a number or a text by its JSON schema; the
// entries here are presentation only, and a parameter without an entry is shown too.

const PRESENTATION = {
  strength: { label: "Strength", percent: true },
  ev: { label: "Exposure", step: 0.1, first: true },
  fusion: { label: "Blend with the original", hint: "exposure fusion", advanced: true },
  protect_highlights: { hint: "brighten bright parts less" },
  contrast: { label: "Stretch contrast", hint: "to the full range" },
  scales: { advanced: true },
  format: { label: "Format", empty: "As input" },
  quality: { label: "Quality", empty: "Auto" },
  strip: { label: "Remove metadata", hint: "camera, date and place" },
  keep_software_tag: { label: "Keep the Software tag", hint: "it names midtone otherwise", advanced: true },
};
const LOSSLESS = ["png", "tiff"]; // formats that ignore the quality
const LEVELS = ["Fine detail", "Texture", "Large shapes", "Colour and light"];
const LEVEL_RANGE = [0.5, 1.5];

export class Form {
  // element: the form; sections: { light, file, advanced }, where the controls go
  // changed(name): called while a control moves; committed(): when it is let go
  constructor(element, sections, changed, committed) {
    Object.assign(this, { element, sections });
    this.controls = new Map();
    element.addEventListener("submit", (event) => event.preventDefault());
    element.addEventListener("input", () => {
      this.updateTexts();
      changed();
    });
    element.addEventListener("change", committed);
  }

  // planParameters change the picture, the other correctParameters the file.
  build({ model, planParameters, correctParameters }) {
    this.model = model;
    this.light = planParameters.map(({ name }) => name);
    this.file = correctParameters.map(({ name }) => name).filter((name) => !this.light.includes(name));
    const ordered = [...correctParameters].sort((a, b) => Boolean(presentation(b).first) - Boolean(presentation(a).first));
    for (const parameter of ordered) {
      const control = makeControl(parameter, model);
      const { name } = parameter;
      const section = presentation(parameter).advanced ? "advanced" : this.light.includes(name) ? "light" : "file";
      this.sections[section].append(...control.elements);
      this.controls.set(name, control);
    }
    this.updateTexts();
  }

  defaults(names) {
    return Object.fromEntries(names.map((name) => [name, this.controls.get(name).initial]));
  }

  read(names) {
    return Object.fromEntries(names.map((name) => [name, this.controls.get(name).read()]));
  }

  fill(settings) {
    for (const [name, value] of Object.entries(settings)) this.controls.get(name).fill(value);
    this.updateTexts();
  }

  // Settings as the back end takes them; defaults are left out.
  values(settings) {
    return Object.fromEntries(
      Object.entries(settings)
        .filter(([name, value]) => !equal(value, this.controls.get(name).initial))
        .map(([name, value]) => [name, String(value)]),
    );
  }

  updateTexts() {
    for (const { update } of this.controls.values()) update?.();
    const quality = this.controls.get("quality");
    const format = this.controls.get("format");
    if (quality && format) quality.input.disabled = LOSSLESS.includes(format.read());
  }
}

export const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const id = ({ name }) => `option-${name}`;

const presentation = ({ name }) => PRESENTATION[name] ?? {};

function makeControl(parameter, model) {
  const schema = { default: null, ...parameter.schema }; // OpenAPI leaves out what is null
  const kind = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  if (kind.type === "array") return levelSliders(model);
  if (kind.type === "boolean") return toggle(parameter, schema);
  if (kind.enum) return choice(parameter, schema, kind);
  if (schema.default !== null && kind.maximum !== undefined) return slider(parameter, schema, kind);
  return field(parameter, schema, kind);
}

// protect_highlights becomes "Protect highlights".
const label = (parameter) => presentation(parameter).label ?? parameter.name[0].toUpperCase() + parameter.name.slice(1).replaceAll("_", " ");

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function makeSlider(id, text, { min, max, step, value, format }) {
  const input = make("input", { type: "range", id });
  Object.assign(input, { min, max, step, value });
  const output = make("output", {});
  const update = () => {
    output.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return { input, update, element: make("label", { className: "slider" }, make("span", {}, text), output, input) };
}

const percent = (value) => `${Math.round(100 * value)} %`;

function slider(parameter, schema, kind) {
  const { step, percent: asPercent } = presentation(parameter);
  const unit = schema["x-unit"];
  const format = asPercent
    ? percent
    : (value) => `${value > 0 && kind.minimum < 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)}${unit ? ` ${unit}` : ""}`;
  const { input, update, element } = makeSlider(id(parameter), label(parameter), {
    min: kind.minimum, max: kind.maximum, value: schema.default, format,
    step: step ?? (kind.type === "integer" ? 1 : 0.01),
  });
  return {
    initial: schema.default, elements: [element], update,
    read: () => Number(input.value),
    fill: (value) => (input.value = value),
  };
}

function toggle(parameter, schema) {
  const input = make("input", { type: "checkbox", id: id(parameter) });
  input.setAttribute("role", "switch");
  const hint = make("small", {}, presentation(parameter).hint ?? parameter.description);
  return {
    initial: schema.default,
    elements: [make("label", { className: "switch" }, input, make("span", {}, label(parameter), " ", hint))],
    read: () => input.checked,
    fill: (value) => (input.checked = value),
  };
}

function choice(parameter, schema, kind) {
  const options = kind.enum.map((value) => make("option", { value }, value.toUpperCase()));
  if (schema.default === null) options.unshift(make("option", { value: "" }, presentation(parameter).empty ?? "Default"));
  const input = make("select", { id: id(parameter) }, ...options);
  return {
    initial: schema.default,
    elements: [make("label", { className: "field" }, make("span", {}, label(parameter)), input)],
    read: () => input.value || null,
    fill: (value) => (input.value = value ?? ""),
  };
}

function field(parameter, schema, kind) {
  const number = kind.type !== "string";
  const input = make("input", { type: number ? "number" : "text", id: id(parameter) });
  if (number) Object.assign(input, { min: kind.minimum ?? "", max: kind.maximum ?? "", step: kind.type === "integer" ? 1 : "any" });
  input.placeholder = presentation(parameter).empty ?? "";
  return {
    initial: schema.default, input,
    elements: [make("label", { className: "field", title: parameter.description }, make("span", {}, label(parameter)), input)],
    // What is out of range counts as not given; the browser marks it.
    read: () => (input.value === "" || !input.validity.valid ? schema.default : number ? Number(input.value) : input.value),
    fill: (value) => (input.value = value ?? ""),
  };
}

// One slider for each pyramid level that the model computes, the coarsest first.
function levelSliders({ levels, finest }) {
  const [min, max] = LEVEL_RANGE;
  const sliders = [];
  for (let level = levels; level >= finest; level--) {
    const name = levels === LEVELS.length ? LEVELS[level - 1] : `Level ${level}`;
    sliders.push(makeSlider(`level-${level}`, name, { min, max, step: 0.05, value: 1, format: percent }));
  }
  sliders.reverse();
  const scales = () => [...Array(finest - 1).fill(1), ...sliders.map(({ input }) => Number(input.value))];
  const elements = [...sliders].reverse().map(({ element }) => element);
  return {
    initial: Array(levels).fill(1), elements: [make("fieldset", {}, make("legend", {}, "Pyramid levels"), ...elements)],
    read: scales,
    fill: (value) => sliders.forEach(({ input }, k) => (input.value = value[finest - 1 + k])),
    update: () => sliders.forEach(({ update }) => update()),
  };
}
