// The link on the terminal carries the token behind the #, which no browser sends anywhere by itself.
"use strict";
(() => {
  const token = document.getElementById("token");
  const enter = () => {
    const given = location.hash.slice(1);
    if (!token || !given) return;
    history.replaceState(null, "", location.pathname);
    token.value = given;
    document.getElementById("login").submit();
  };
  // Where this page is open already, the link only changes what is behind the #.
  addEventListener("hashchange", enter);
  enter();
})();
