import { count } from "./page";

const element = document.currentScript as HTMLScriptElement | null;
if (element) count(element.dataset, element.src);
