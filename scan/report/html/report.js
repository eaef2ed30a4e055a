
// Sorting and filtering. All there is to read is on the page without it.
(function () {
  "use strict";

  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // cellValue is what a cell is sorted by.
  function cellValue(row, column, kind) {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (kind !== "number") return text;
    const n = parseFloat(text);
    return Number.isNaN(n) ? -1 : n;
  }

  // sortable gives each heading of a table a button. items are rows, or bodies
  // whose first row counts; they are sorted where they stand.
  function sortable(table, items, rowOf) {
    const order = new Map(items.map((item, i) => [item, i]));
    const headings = Array.from(table.tHead.rows[0].cells);
    headings.forEach(function (heading, column) {
      const kind = heading.dataset.sort;
      if (!kind) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", function () {
        const before = heading.getAttribute("aria-sort");
        let direction = heading.dataset.first || "ascending";
        if (before) direction = before === "ascending" ? "descending" : "ascending";
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", direction);

        const sign = direction === "ascending" ? 1 : -1;
        const keyed = items.map((item) => [cellValue(rowOf(item), column, kind), item]);
        keyed.sort(function ([a, itemA], [b, itemB]) {
          const c = kind === "number" ? a - b : collator.compare(a, b);
          return c ? sign * c : order.get(itemA) - order.get(itemB);
        });
        const parent = items[0].parentNode;
        for (const [, item] of keyed) parent.append(item);
      });
    });
  }

  // textFilter returns a function that tells whether an item has all words.
  function textFilter(input) {
    const texts = new Map(); // made when they are first needed
    return function () {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (!words.length) return () => true;
      return function (item) {
        let text = texts.get(item);
        if (text === undefined) texts.set(item, (text = item.textContent.toLowerCase()));
        return words.every((word) => text.includes(word));
      };
    };
  }

  // filterable shows the items that fit, and says how many they are.
  function filterable(form, items, status, choose) {
    let waiting = 0;
    function apply() {
      const fits = choose();
      let shown = 0;
      for (const item of items) {
        const fit = fits(item);
        if (item.hidden === fit) item.hidden = !fit;
        if (fit) shown++;
      }
      status.textContent = shown === items.length ? "All " + shown + " shown" : shown + " of " + items.length + " shown";
      form.dispatchEvent(new CustomEvent("filtered", { detail: shown }));
    }
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(apply, 100);
    });
    form.addEventListener("reset", () => setTimeout(apply));
    apply();
  }

  function byId(id) {
    return document.getElementById(id);
  }

  function setUpFindings() {
    const table = byId("findings-table");
    if (!table) return;
    const items = Array.from(table.tBodies);
    sortable(table, items, (body) => body.rows[0]);

    const hasWords = textFilter(byId("filter-text"));
    const severities = Array.from(document.getElementsByName("severity"));
    const fix = byId("filter-fix");
    const layer = byId("filter-layer"); // null where there is one
    const kev = byId("filter-kev"); // null where nothing is known
    const form = byId("filter");
    form.addEventListener("filtered", (event) => (byId("none-shown").hidden = event.detail > 0));
    filterable(form, items, byId("shown"), function () {
      const ranks = new Set(severities.filter((box) => box.checked).map((box) => box.value));
      const hasAll = hasWords();
      return function (item) {
        const data = item.dataset;
        if (!ranks.has(data.rank)) return false;
        if (fix.value === "yes" && data.fix !== "yes") return false;
        if (fix.value === "no" && data.fix === "yes") return false;
        if (fix.value.startsWith("=") && data.fix !== fix.value.slice(1)) return false;
        if (layer && layer.value && data.layer !== layer.value) return false;
        if (kev && kev.checked && !data.kev) return false;
        return hasAll(item);
      };
    });
  }

  // setUpLists does the other tables, whose rows are in one body.
  function setUpLists() {
    for (const table of document.querySelectorAll("table.sortable")) {
      const items = Array.from(table.tBodies[0].rows);
      if (items.length) sortable(table, items, (row) => row);
    }
    const packages = byId("packages-table");
    if (packages) {
      const items = Array.from(packages.tBodies[0].rows);
      filterable(byId("package-filter"), items, byId("packages-shown"), textFilter(byId("package-text")));
    }
  }

  // openTarget opens the finding that the address names, as in report.html#f12.
  function openTarget() {
    const target = /^#f\d+$/.test(location.hash) && byId(location.hash.slice(1));
    if (!target) return;
    if (target.hidden) byId("filter").reset();
    target.querySelector("details").open = true;
    setTimeout(() => target.scrollIntoView());
  }

  // What is closed would not be printed. Of many findings only those that the
  // reader has opened are, or nobody would want the paper.
  const mostToOpen = 30;
  let opened = [];
  function beforePrint() {
    const shown = document.querySelectorAll("#findings-table > tbody:not([hidden])");
    let closed = Array.from(document.querySelectorAll("details.unfold:not(.aside, [open])"));
    closed = closed.filter((details) => details.querySelectorAll("tbody > tr").length <= 300);
    if (shown.length <= mostToOpen) {
      for (const body of shown) closed.push(...body.querySelectorAll("details:not([open])"));
    }
    for (const details of closed) details.open = true;
    opened.push(...closed);
  }
  function afterPrint() {
    for (const details of opened) details.open = false;
    opened = [];
  }

  document.documentElement.classList.add("script");
  setUpFindings();
  setUpLists();
  openTarget();
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
})();
