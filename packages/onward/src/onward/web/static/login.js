// The link on the terminal carries the token behind the #, which no browser sends anywhere by itself.
"use strict";
(() => {
  const token = document.getElementById("token");
  const given = location.hash.slice(1);
  if (!token || !given) return;
  history.replaceState(null, "", location.pathname);
  if (document.getElementById("said")) return;
  token.value = given;
  document.getElementById("login").submit();
})();
